// Decision 18 under kill -9: every command that was answered is there after the start, and the file is whole.
// `CASTELLAN_CONTROL_KILLS` says how often, `CASTELLAN_SEED` repeats what is asked.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { runControlKills } from './control-kills.ts'

const kills = Number(process.env['CASTELLAN_CONTROL_KILLS'] ?? 10)
const seed = Number(process.env['CASTELLAN_SEED'] ?? Date.now() % 1_000_000)
const commands = 1000

test(`dynsec 2: ${kills} kills among ${commands} commands lose nothing that was answered, seed ${seed}`, async t => {
  const { faults, answered, behind, written } = await runControlKills(t, {
    kills,
    seed,
    commands: Math.max(commands, kills * 20),
  })
  t.diagnostic(
    `${answered} commands were answered; at ${behind} kills the log had more than the file, before ${written} it was written`,
  )
  assert.deepEqual(faults, [])
  assert.ok(behind > 0, 'no kill came between an answer and the file')
})

test('dynsec 2: a broker that answers before a command is safe is found out', async t => {
  const preload = join(import.meta.dirname, 'answer-early.ts')
  const { faults } = await runControlKills(t, { kills: 10, seed: 4711, commands: 300, preload })
  t.diagnostic(faults.join('\n'))
  assert.match(faults[0] ?? 'nothing was found', /^after a kill c\d-\d is '.*', and was answered to be '.*'$/)
})
