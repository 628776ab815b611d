// A store whose file was damaged while the broker was down: what is wrong in it is named and set aside, and all else is there.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { publishBytes } from '../support/packet-bytes.ts'
import { directory, enter, startOn, subscribe } from './fault-broker.ts'

// Each start has another port, and so another listener, by whose rules the publisher is unknown.
const options = 'check_retain_source false'

/** Flips one bit wherever the text stands in the file, in pages that are free too. */
function damage(file: string, text: string): void {
  const bytes = readFileSync(file)
  let at = bytes.indexOf(text)
  assert.notEqual(at, -1, `'${text}' is not in the file`)
  for (; at !== -1; at = bytes.indexOf(text, at + 1)) bytes.writeUInt8(bytes.readUInt8(at + 3) ^ 1, at + 3)
  writeFileSync(file, bytes)
}

test('faults: a damaged record is named at the start, is in the quarantine, and never served; the others are', async t => {
  const path = directory(t)
  const store = join(path, 'castellan-store')
  const broker = await startOn(t, path, options)
  const publisher = await enter(t, broker)
  for (const topic of ['bad', 'good']) {
    publisher.send(
      publishBytes({ version: 5, topic, payload: `payload of ${topic}`, qos: 1, packetId: 1, retain: true }),
    )
    assert.ok((await publisher.expectAcknowledgement('PUBACK')).reasonCode < 0x80)
  }
  await broker.process.stop()
  damage(join(store, 'data.mdb'), 'payload of bad')

  const again = await startOn(t, path, options)
  await again.process.waitForLine(/Error: A record of retained \([0-9a-f]+\) cannot be read: .*It was set aside\./)
  const reader = await enter(t, again)
  await subscribe(reader, '#')
  assert.equal((await reader.expectPublish()).payload, 'payload of good')
  await reader.expectNothing()
  const [line = '', ...others] = readFileSync(join(store, 'quarantine.jsonl'), 'utf8').trim().split('\n')
  const { table, record } = JSON.parse(line)
  assert.equal(table, 'retained')
  assert.match(Buffer.from(record, 'base64').toString('latin1'), /pay.oad of bad/)
  assert.deepEqual(others, [])

  await again.process.stop()
  const third = await startOn(t, path, options)
  assert.doesNotMatch(third.process.lines.join('\n'), /set aside/)
})
