// Decision 4 under the hardest conditions: nothing that was acknowledged is lost, nothing at QoS 2 comes twice, order is kept,
// however often the broker is killed. `CASTELLAN_KILLS` says how often, `CASTELLAN_SEED` repeats a run.

import assert from 'node:assert/strict'
import test from 'node:test'
import { runKills } from './kill-run.ts'

const kills = Number(process.env['CASTELLAN_KILLS'] ?? 20)
const seed = Number(process.env['CASTELLAN_SEED'] ?? Date.now() % 1_000_000)

test(`durability: ${kills} kills under load lose nothing that was acknowledged, seed ${seed}`, async t => {
  const ledger = await runKills(t, { kills, seed, durability: 'sync' })
  t.diagnostic(`CASTELLAN_SEED=${seed}: ${JSON.stringify(ledger.counts)}`)
  assert.equal(ledger.report, '')
  for (const [what, count] of Object.entries(ledger.counts)) assert.ok(count * 2 >= kills, `${what}: only ${count}`)
})
