// The audit on a disk that is full, and under a flood of refusals (docs/audit.md, "When it cannot be written", "Floods").

import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { verifyAudit } from '../../src/audit/verify.ts'
import { ctl } from '../../src/cli/ctl/ctl.ts'
import { recordsOf } from '../support/audit.ts'
import { runCommand } from '../support/command.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { dial, join, startWireBroker } from '../support/wire-broker.ts'
import { smallDisk } from './small-disk.ts'

const files = { acl: 'user admin\ntopic readwrite $CONTROL/#\n', pw: passwordLines({ admin: 'pw' }) }

async function start(t: TestContext, auditFile: string) {
  const rules =
    'password_file pw\nacl_file acl\nallow_anonymous true\nenable_control_api true\nconnection_messages false\n'
  const broker = await startWireBroker(t, `${rules}audit_file ${auditFile}\n`, files)
  const ask = () =>
    runCommand(ctl, ['-p', String(broker.port), '-i', 'ctl', '-u', 'admin', '-P', 'pw', 'broker', 'listListeners'])
  return { broker, ask }
}

test('faults: on a full disk the broker goes on, and when there is room again the audit has all that happened meanwhile', async t => {
  const disk = smallDisk(t, 4)
  if (disk === undefined) return
  const path = joinPath(disk.path, 'audit.jsonl')
  const { broker, ask } = await start(t, path)
  assert.equal((await ask()).code, 0)
  disk.fill()
  // What is left of the file's last page takes a few records.
  for (let i = 0; i < 20; i++) assert.equal((await ask()).code, 0)
  await broker.process.waitForLine(
    /Error: The audit cannot be written: no space left on device; the broker goes on \(audit_failure\)\.$/,
  )
  await join(t, broker, { clientId: 'meanwhile' })
  disk.empty()
  await broker.process.waitForLine(/The audit is written again\.$/)
  assert.equal((await ask()).code, 0)
  await broker.process.stop()
  assert.equal(verifyAudit(path).fault, undefined)
  const records = recordsOf(path)
  assert.equal(records.filter(({ kind }) => kind === 'command').length, 22)
  assert.ok(records.some(({ who }) => who?.['clientid'] === 'meanwhile'))
})

test('faults: of a flood of refused logins the audit has the first and a number, and does not grow with it', async t => {
  const { broker } = await start(t, 'audit.jsonl')
  const refused = 300
  for (let i = 0; i < refused; i++) {
    const client = await dial(t, broker, 4)
    // An empty client id for a session that is to last: nobody is slowed down for that.
    client.send(connectBytes({ version: 4, clientId: '', cleanStart: false }))
    assert.equal((await client.expectConnack()).reasonCode, 2)
    client.breakOff()
  }
  await broker.process.stop()
  const path = joinPath(broker.process.dir, 'audit.jsonl')
  const refusals = recordsOf(path).filter(({ kind }) => kind === 'refusal')
  const more = refusals.reduce((sum, { what }) => sum + Number(what?.['more'] ?? 0), 0)
  const single = refusals.filter(({ what }) => what?.['rule'] === 'empty client id').length
  assert.equal(single + more, refused)
  // Ten for each ten seconds that it took, of which a loaded machine may need several.
  assert.ok(single <= 200, `${single} of ${refused} were told one by one`)
  assert.ok(statSync(path).size < 100_000)
  const [sum] = refusals.filter(({ what }) => what?.['more'] !== undefined)
  assert.equal(sum?.what?.['address'], '127.0.0.1')
})
