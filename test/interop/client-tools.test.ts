// Debian's clients and ours with the same arguments, against Castellan and against Debian's Mosquitto: the same exit code, the
// same output, and errors of the same kind.

import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { type BrokerKind, both } from '../support/broker-process.ts'
import {
  clockFormats,
  dayFormats,
  type FormatMessage,
  formatMessages,
  formats,
  jsonPayloads,
  noJson,
  usageCases,
} from './client-tool-cases.ts'
import { assertSame, type Call, type Left, runDebian, runOurs } from './client-tools.ts'
import { type BrokerPair, startPair } from './same-outcome.ts'
import { fileScope } from './shared-broker.ts'

const scope = fileScope()
let pair: BrokerPair
const starting = startPair(scope, {
  config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true\nsys_interval 0`,
})
before(async () => {
  pair = await starting
})

function on(kind: BrokerKind): string[] {
  return ['-h', '127.0.0.1', '-p', String(pair[kind].port)]
}

/** Runs one command line with both. */
async function same(call: Call, normalised: (text: string) => string = text => text): Promise<Left> {
  const [debian, ours] = await Promise.all([runDebian(call), runOurs(call)])
  const shown = (side: Left): Left => ({ ...side, stdout: normalised(side.stdout) })
  assertSame(shown(ours), shown(debian), `${call.tool} ${call.args.join(' ')}`)
  return ours
}

async function publish(kind: BrokerKind, topic: string, message: FormatMessage): Promise<void> {
  const { payload, qos, properties = [] } = message
  const version = ['-V', '5', ...properties.flatMap(property => ['-D', 'publish', ...property])]
  const args = [...on(kind), ...version, '-r', '-t', topic, '-q', String(qos), '-m', payload]
  assert.equal((await runDebian({ tool: 'mosquitto_pub', args })).code, 0)
}

/** Debian's tools are programs, ours run here: some at a time keep both busy. */
async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 8) await Promise.all(items.slice(at, at + 8).map(work))
}

test(`cli 5: ${usageCases.length} command lines that are wrong are refused alike, before anything is connected`, async () => {
  await inBatches(usageCases, async ({ tool, args }) => {
    const call = { tool, args: ['-h', '127.0.0.1', '-p', '1', ...args] }
    const [debian, ours] = await Promise.all([runDebian(call), runOurs(call)])
    const what = `${tool} ${args.join(' ')}: ${ours.words}, Debian's: ${debian.words}`
    assert.deepEqual([debian.code, ours.code, ours.stderr], [1, 1, 'usage'], what)
    assert.doesNotMatch(debian.words, /Connection refused/, what)
  })
})

/** An expiry counts down between two looks. */
const withoutExpiry = (text: string) => text.replaceAll(/-29496\d{4}|39999\d{5}|4000000000/g, 'expiry    ')

for (const kind of both) {
  test(`cli 5: -F prints ${formats.length} formats of ${formatMessages.length} messages byte for byte (${kind})`, async () => {
    for (const [index, message] of formatMessages.entries()) await publish(kind, `format/${index}`, message)
    await inBatches(formats, format => {
      const count = String(formatMessages.length)
      const args = [...on(kind), '-V', '5', '-q', '2', '-t', 'format/+', '-C', count, '-F', format]
      return same({ tool: 'mosquitto_sub', args }, withoutExpiry)
    })
  })
}

test('cli 5: -F prints times as strftime does', async () => {
  await publish('castellan', 'time', { payload: 'x', qos: 0 })
  const sub = (format: string, env = {}): Call => {
    const args = [...on('castellan'), '-t', 'time', '-C', '1', '-F', format]
    return { tool: 'mosquitto_sub', args, env }
  }
  for (const format of dayFormats) await same(sub(format))
  for (const format of clockFormats) await same(sub(format), text => text.replaceAll(/\d/g, '0'))
})

test('cli 5: -F prints times in the zone of TZ', async t => {
  const { TZ: zone } = process.env
  t.after(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })
  await publish('mosquitto', 'zone', { payload: 'x', qos: 0 })
  for (const TZ of ['America/New_York', 'Asia/Kolkata', 'Europe/Berlin', 'UTC']) {
    process.env['TZ'] = TZ
    for (const format of ['@F @H @z @Z @j @U @V', '%I']) {
      const args = [...on('mosquitto'), '-t', 'zone', '-C', '1', '-F', format]
      await same({ tool: 'mosquitto_sub', args, env: { TZ } }, text => text.replaceAll(/:\d\d:\d\d/g, ''))
    }
  }
})

const ofTime = (text: string) =>
  withoutExpiry(text).replaceAll(/"tst":(\t?)"[^"]*"/g, (whole: string) => whole.replaceAll(/\d/g, '0'))

test('cli 5: %j is the message as JSON, in one line or pretty', async () => {
  for (const [index, message] of formatMessages.entries()) await publish('mosquitto', `json/${index}`, message)
  await inBatches([...formatMessages.keys()], async index => {
    for (const more of [[], ['--pretty'], ['-N'], ['-V', '5', '-q', '2'], ['-V', '5', '--pretty']]) {
      const args = [...on('mosquitto'), '-t', `json/${index}`, '-C', '1', '-F', '%j', ...more]
      await same({ tool: 'mosquitto_sub', args }, ofTime)
    }
  })
})

test(`cli 5: %J takes ${jsonPayloads.length} payloads as the JSON that they are, and refuses ${noJson.length}`, async () => {
  const payloads = [...jsonPayloads, ...noJson]
  await inBatches([...payloads.entries()], async ([index, payload]) => {
    const topic = `payload/${index}`
    await publish('mosquitto', topic, { payload, qos: 0 })
    for (const more of [[], ['--pretty']]) {
      const args = [...on('mosquitto'), '-t', topic, '-C', '1', '-F', '%J', ...more]
      const { stderr } = await same({ tool: 'mosquitto_sub', args }, ofTime)
      assert.equal(stderr === 'error', noJson.includes(payload), payload)
    }
  })
})
