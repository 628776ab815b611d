// Pre-shared keys with Debian's clients: the same command against both brokers with the same files, and what a reload does.

import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { startBroker } from '../support/broker-process.ts'
import { runTool, startSubscriber } from '../support/clients.ts'
import { type BrokerPair, sameOutcome, startPair } from './same-outcome.ts'
import { fileScope } from './shared-broker.ts'

const key = '0102030405060708090a0b0c0d0e0f10'
const other = 'f0e0d0c0b0a090807060504030201000'
const keys = `# identity:key\ndevice7:${key}\nnull:00ab${key}\nodd:00abc${key}\ndevice8:${other}\n`

let pair: BrokerPair
const starting = startPair(fileScope(), {
  config: ({ port, dir }) =>
    `listener ${port} 127.0.0.1\npsk_hint house\npsk_file ${dir}/psk\nuse_identity_as_username true\nacl_file ${dir}/acl`,
  files: { psk: keys, acl: 'user device7\ntopic readwrite seven/#\nuser null\ntopic readwrite seven/#\n' },
})
before(async () => {
  pair = await starting
})

const as = (identity: string, psk: string) => [
  '-h',
  '127.0.0.1',
  '-i',
  'tool',
  '-d',
  '--psk-identity',
  identity,
  '--psk',
  psk,
]

test('psk_file: the right key is let in', async t => {
  const outcome = await sameOutcome(t, pair, 'mosquitto_pub', [
    ...as('device7', key),
    '-q',
    '1',
    '-t',
    'seven/a',
    '-m',
    'x',
  ])
  assert.equal(outcome.code, 0)
})

test('psk_file: keys with zero bytes at the beginning and with an odd number of digits', async t => {
  for (const [identity, psk] of [
    ['null', `00ab${key}`],
    ['odd', `00abc${key}`],
  ] as const) {
    const outcome = await sameOutcome(t, pair, 'mosquitto_pub', [...as(identity, psk), '-t', 'seven/a', '-m', 'x'])
    assert.equal(outcome.code, 0)
  }
})

// Mosquitto answers with another alert to an unknown identity than to a wrong key; we tell nobody who has an account.
test('psk_file: a wrong key and an unknown identity are kept out, with the same error here', async t => {
  const outcomes = []
  for (const [identity, psk] of [
    ['device7', other],
    ['nobody', key],
  ] as const) {
    const command = [...as(identity, psk), '-t', 'seven/a', '-m', 'x', '-p']
    const theirs = await runTool(t, 'mosquitto_pub', [...command, String(pair.mosquitto.port)])
    assert.notEqual(theirs.code, 0)
    outcomes.push(await runTool(t, 'mosquitto_pub', [...command, String(pair.castellan.port)]))
  }
  for (const { code, stdout } of outcomes) {
    assert.notEqual(code, 0)
    assert.ok(
      stdout.some(line => line.endsWith('alert bad record mac')),
      stdout.join('\n'),
    )
  }
})

test('use_identity_as_username: the identity is the user of the rules, whatever CONNECT says', async t => {
  const { port } = pair.castellan
  const at = ['-p', String(port), '-u', 'somebody', '-P', 'else']
  const subscriber = await startSubscriber(t, [
    ...as('device7', key).slice(0, 2),
    '-i',
    'sub',
    ...as('device7', key).slice(4),
    ...at,
    '-t',
    'seven/#',
    '-C',
    '1',
  ])
  const publish = (identity: string, psk: string, text: string) =>
    runTool(t, 'mosquitto_pub', [...as(identity, psk), ...at, '-q', '1', '-t', 'seven/a', '-m', text])
  await publish('device8', other, 'not for you')
  await publish('device7', key, 'mine')
  assert.equal((await subscriber.exit()).code, 0)
  assert.ok(subscriber.stdout.includes('mine'))
  assert.ok(!subscriber.stdout.includes('not for you'))
  await pair.castellan.waitForLine(/as tool \(p4, c1, k60, u'device8'\)/)
})

test('psk_file: at a reload whoever lost its key is disconnected and kept out, also where a password gives the name', async t => {
  const broker = await startBroker(t, {
    config: ({ port, dir }) => `listener ${port} 127.0.0.1\npsk_hint house\npsk_file ${dir}/psk\nallow_anonymous true`,
    files: { psk: keys },
  })
  const at = ['-p', String(broker.port)]
  const subscriber = await startSubscriber(t, [
    '-h',
    '127.0.0.1',
    '-i',
    'stays',
    ...at,
    '--psk-identity',
    'device8',
    '--psk',
    other,
    '-t',
    'a',
  ])
  const gone = await startSubscriber(t, [
    '-h',
    '127.0.0.1',
    '-i',
    'gone',
    ...at,
    '--psk-identity',
    'device7',
    '--psk',
    key,
    '-t',
    'a',
  ])
  await broker.writeFile('psk', `device7:${other}\ndevice8:${other}\n`)
  await broker.reload(/Configuration reloaded/)
  await broker.waitForLine(/Client gone .*disconnected: administrative action/)
  const { code } = await runTool(t, 'mosquitto_pub', [...as('device7', key), ...at, '-t', 'a', '-m', 'x'])
  assert.notEqual(code, 0)
  const again = await runTool(t, 'mosquitto_pub', [...as('device7', other), ...at, '-t', 'a', '-m', 'x'])
  assert.equal(again.code, 0)
  assert.ok(!broker.lines.some(line => /Client stays .*disconnected/.test(line)))
  await gone.stop()
  await subscriber.stop()
})

test('psk_file: one with a mistake is refused whole at a reload, and the old keys go on', async t => {
  const broker = await startBroker(t, {
    config: ({ port, dir }) => `listener ${port} 127.0.0.1\npsk_hint house\npsk_file ${dir}/psk\nallow_anonymous true`,
    files: { psk: keys },
  })
  await broker.writeFile('psk', 'device7:0xyz\n')
  await broker.reload(/Nothing was reloaded/)
  await broker.waitForLine(/Error: psk for identity "device7" contains non-hexadecimal characters\.$/)
  const { code } = await runTool(t, 'mosquitto_pub', [
    ...as('device7', key),
    '-p',
    String(broker.port),
    '-t',
    'a',
    '-m',
    'x',
  ])
  assert.equal(code, 0)
})
