// Format strings against lines written by hand: what Debian's tools do not know, and what a terminal must not see. What they do know is
// compared with them in test/interop/client-tools.test.ts.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import test from 'node:test'
import type { Publish } from '../../mqtt/packet.ts'
import { compileFormat } from './message-format.ts'
import { MessagePrinter } from './message-printer.ts'
import { bytesOf, type ReceivedMessage } from './received-message.ts'

const message: ReceivedMessage = {
  topic: 'a/b',
  payload: 'abc',
  qos: 1,
  retain: false,
  packetId: 7,
  properties: {},
  time: 1_470_818_943_786_368_637n,
}

function printed(format: string, more: Partial<ReceivedMessage> = {}): { line: string; complaints: readonly string[] } {
  const complaints: string[] = []
  const print = compileFormat(
    format,
    false,
    bytes => bytes,
    text => complaints.push(text),
  )
  return { line: print({ ...message, ...more }), complaints }
}

const float = Buffer.alloc(4)
float.writeFloatLE(-1.5)
const double = Buffer.alloc(8)
double.writeDoubleLE(1e22)

for (const [format, line, payload] of [
  ['%x', '616263', 'abc'],
  ['%.2:x', '61:62:63', 'abc'],
  ['%.4 X', '0AFF 0B', '\u000a\u00ff\u000b'],
  ['%010.2-x', '00:00:61:62:63'.replaceAll(':', '-'), 'abc'],
  ['%.2:x', '', ''],
  ['%f', '-1.500000', float.toString('latin1')],
  ['%.1f', '-1.5', float.toString('latin1')],
  ['%08.1f', '-00001.5', float.toString('latin1')],
  ['%-8.1f|', '-1.5    |', float.toString('latin1')],
  ['%.0d', '10000000000000000000000', double.toString('latin1')],
  ['%U', '1470818943.786368637', ''],
  ['%p', 'gr\u00fc\u00df', 'gr\u00fc\u00df'],
] as const) {
  test(`cli 5: -F '${format}' prints '${line}'`, () => {
    assert.deepEqual(printed(format, { payload }), { line, complaints: [] })
  })
}

test('cli 5: what a message lacks for a format is told, and the rest of the line printed', () => {
  const { line, complaints } = printed('%t %f|')
  assert.deepEqual([line, complaints.length], ['a/b |', 1])
  assert.match(
    printed('%J', { topic: bytesOf('\u001b[2J') }).complaints[0] ?? '',
    /not valid JSON on topic \\x1b\[2J\.$/,
  )
})

for (const [format, reason] of [
  ['%', /Incomplete format specifier/],
  ['%5', /Invalid format specifier '5'|Incomplete/],
  ['%y', /Invalid format specifier 'y'/],
  ['%100001t', /at most 100000 wide/],
  ['%.101f', /at most 100 wide/],
  ['@', /Incomplete format specifier/],
  ['\\', /Incomplete escape specifier/],
  ['\\x', /Invalid escape specifier 'x'/],
] as const) {
  test(`cli 5: -F '${format}' is refused`, () => {
    assert.throws(() => printed(format), { code: 'ERR_CLI_CLIENT_USAGE', message: reason })
  })
}

class Screen extends Writable {
  readonly isTTY: boolean
  shown = ''
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.shown += chunk.toString()
    done()
  }
}

function shown(
  isTTY: boolean,
  wishes: ConstructorParameters<typeof MessagePrinter>[0],
  payload = 'red\u001b[31m\n\t\u009b\u202e',
): string {
  const screen = new Screen(isTTY)
  const publish: Publish = {
    type: 3,
    dup: false,
    qos: 0,
    retain: false,
    topicName: 't\u001b',
    packetId: 0,
    payload: Buffer.from(payload),
    properties: {},
  }
  const printer = new MessagePrinter(wishes, screen, 'host', () => {})
  printer.print(publish)
  printer.print({ ...publish, topicName: 'u' })
  return screen.shown
}

test('features I3: on a terminal a message cannot steer it; into a pipe its bytes go as they are', () => {
  const [first] = shown(true, { verbose: true }).split('u ')
  assert.equal(first, 't\\x1b red\\x1b[31m\n\t\\x9b\\u{202e}\n')
  assert.match(shown(false, { verbose: true }), /^t\u001b red\u001b\[31m\n\t\u009b\u202e\n/)
  assert.match(shown(true, { verbose: true, rawTerminal: true }), /^t\u001b red\u001b\[31m/)
})

test("features I3: the format's own control characters reach the terminal", () => {
  assert.match(shown(true, { format: '\\e[1m%t\\e[0m' }), /^\u001b\[1mt\\x1b\u001b\[0m\n/)
})

test('cli 5: --watch has a line for each topic below the name of the broker', () => {
  const e = '\u001b'
  assert.equal(
    shown(false, { watch: true, format: '%t' }, 'x'),
    `${e}[2J${e}[1;1HBroker: host\n${e}[2;1Ht${e}\n${e}[2;1H\n${e}[3;1Hu\n${e}[3;1H\n`,
  )
})
