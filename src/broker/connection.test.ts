import assert from 'node:assert/strict'
import test from 'node:test'
import { Engine, type EngineClient } from '../../test/support/engine.ts'
import type { Log } from '../base/log.ts'
import { MalformedPacketError } from '../mqtt/errors.ts'
import { PacketType } from '../mqtt/packet.ts'

/** Keeps the notices. */
class NoticeLog implements Log {
  readonly lines: string[] = []
  enabled(): boolean {
    return true
  }
  write(type: string, line: string): void {
    if (type === 'notice') this.lines.push(line)
  }
}

const endings: readonly [what: string, end: (client: EngineClient, engine: Engine) => void, cause: string][] = [
  ['garbage', client => client.handler.fail(new MalformedPacketError('§2.1.3', 'flags')), 'malformed packet'],
  ['a packet that may not come first', client => client.send({ type: PacketType.pingreq }), 'protocol error'],
  ['silence', (_, engine) => engine.pass(11_000), 'exceeded timeout (connect_timeout)'],
  ['nothing before it goes', client => client.vanish(), 'connection closed by client'],
]

for (const [what, end, cause] of endings) {
  test(`features J1: ${what} before CONNECT leaves a line with the address`, () => {
    const log = new NoticeLog()
    const engine = new Engine({ log })
    end(engine.open(), engine)
    assert.deepEqual(log.lines, [`Client <unknown> [192.0.2.1:40000] disconnected: ${cause}.`])
  })
}

test('conf §3 connection_messages false: no line about it', () => {
  const log = new NoticeLog()
  new Engine({ log, settings: { connection_messages: false } }).open().vanish()
  assert.deepEqual(log.lines, [])
})
