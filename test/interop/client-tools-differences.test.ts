// Where our clients differ from Debian's on purpose, shown both ways, and what only a running program shows: signals, a reader that
// goes, a broker that goes and comes back, and this program's own exit codes.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { before, type TestContext } from 'node:test'
import { type BrokerProcess, castellanProgram, startMosquitto } from '../support/broker-process.ts'
import { startProgram } from '../support/line-process.ts'
import { passwordLines } from '../support/password-lines.ts'
import { type Left, runDebian, runOurs, runVerb } from './client-tools.ts'
import { fileScope } from './shared-broker.ts'

let mosquitto: BrokerProcess
const starting = startMosquitto(fileScope(), {
  config: ({ port, dir }) =>
    `listener ${port} 127.0.0.1\nallow_anonymous true\npassword_file ${dir}/pw\nmax_packet_size 3000\nsys_interval 0`,
  files: { pw: passwordLines({ alice: 'secret' }) },
})
before(async () => {
  mosquitto = await starting
})

const here = () => ['-h', '127.0.0.1', '-p', String(mosquitto.port)]
const pub = (...args: readonly string[]) =>
  ({ tool: 'mosquitto_pub', args: [...here(), '-t', 'a', '-m', 'x', ...args] }) as const
const codes = (ours: Left, debian: Left) => [ours.code, debian.code]

test('X031: TLS options without an authority are refused; Debian goes in clear', async () => {
  for (const args of [['--insecure'], ['--ciphers', 'ALL'], ['--tls-version', 'tlsv1.2'], ['--tls-alpn', 'mqtt']]) {
    const ours = await runOurs(pub(...args))
    assert.deepEqual(codes(ours, await runDebian(pub(...args))), [1, 0], args.join(' '))
    assert.match(ours.words, /TLS needs one of --cafile, --capath and --tls-use-os-certs/)
  }
})

test('X032: a number that is none is refused; Debian takes it for 0', async () => {
  assert.deepEqual(codes(await runOurs(pub('-q', 'x')), await runDebian(pub('-q', 'x'))), [1, 0])
  assert.deepEqual(codes(await runOurs(pub('-q', '1x')), await runDebian(pub('-q', '1x'))), [1, 0])
})

test('X033: what this broker does not take ends with 1; with 0 from Debian', async () => {
  const large = ['-V', '5', '-q', '1', '-m', 'x'.repeat(4000)]
  const call = { tool: 'mosquitto_pub', args: [...here(), '-t', 'a', ...large] } as const
  assert.deepEqual(codes(await runOurs(call), await runDebian(call)), [1, 0])
})

test('X034: a request that was answered leaves no will behind; with Debian the broker publishes it', async () => {
  for (const [run, wills] of [
    [runOurs, ''],
    [runDebian, 'gone\n'],
  ] as const) {
    const topic = `will/${run.name}`
    await runDebian({ tool: 'mosquitto_pub', args: [...here(), '-t', 'answer', '-r', '-m', 'yes'] })
    const will = ['--will-topic', topic, '--will-payload', 'gone', '--will-retain']
    await run({ tool: 'mosquitto_rr', args: [...here(), '-t', 'ask', '-e', 'answer', '-m', '?', '-W', '5', ...will] })
    const { stdout } = await runDebian({ tool: 'mosquitto_sub', args: [...here(), '-t', topic, '-W', '1'] })
    assert.equal(stdout, wills)
  }
})

test('X034: mosquitto_rr -s publishes what it read; Debian publishes nothing', async () => {
  const args = [...here(), '-d', '-t', 'ask', '-e', 'nothing/comes', '-s', '-W', '1']
  const call = { tool: 'mosquitto_rr', args, input: 'question' } as const
  assert.match((await runOurs(call)).stdout, /'ask', \.\.\. \(8 bytes\)/)
  assert.match((await runDebian(call)).stdout, /'ask', \.\.\. \(0 bytes\)/)
})

test('X037: --random-filter 100 prints every message', async () => {
  const args = [...here(), '-i', 'random', '-c', '-q', '1', '-t', 'random']
  await runDebian({ tool: 'mosquitto_sub', args: [...args, '-E'] })
  const input = 'line\n'.repeat(50)
  await runDebian({ tool: 'mosquitto_pub', args: [...here(), '-t', 'random', '-q', '1', '-l'], input })
  const { stdout } = await runOurs({ tool: 'mosquitto_sub', args: [...args, '--random-filter', '100', '-C', '50'] })
  assert.equal(stdout, input)
})

test('X038: -W ends with 27 before CONNACK, too; with 255 from Debian', async t => {
  const silent = await scriptedBroker(t, [[], []])
  const call = { tool: 'mosquitto_sub', args: [...silent.args, '-t', 'a', '-W', '1'] } as const
  assert.deepEqual(codes(await runOurs(call), await runDebian(call)), [27, 255])
})

test("cli 5: castellan pub, sub and rr have this program's own exit codes", async () => {
  const at = here()
  const cases: readonly (readonly [verb: string, args: readonly string[], code: number])[] = [
    ['pub', [...at, '-t', 'a', '-m', 'x'], 0],
    ['pub', ['--help'], 0],
    ['sub', ['--version'], 0],
    ['pub', ['--bogus'], 2],
    ['rr', ['-t', 'a'], 2],
    ['pub', [...at, '-t', 'a', '-f', '/no/such/file'], 1],
    ['pub', [...at, '-t', 'a', '-m', 'x', '-u', 'alice', '-P', 'wrong'], 4],
    ['sub', [...at, '-V', '5', '-t', 'a', '-u', 'alice', '-P', 'wrong'], 4],
    ['pub', ['-p', '1', '-t', 'a', '-m', 'x'], 6],
    ['sub', [...at, '-t', 'nothing/comes', '-W', '1'], 6],
    ['pub', [...at, '-t', 'a', '-m', 'x', '--cafile', '/etc/ssl/certs/ca-certificates.crt'], 6],
  ]
  for (const [verb, args, code] of cases) {
    const left = await runVerb(verb, args)
    assert.equal(left.code, code, `${verb} ${args.join(' ')}: ${left.words}`)
  }
})

/** A broker by hand: what it answers to each connection, in hex, once it has heard so many bytes. */
async function scriptedBroker(t: TestContext, connections: readonly (readonly [heard: number, says: string])[][]) {
  const heard: string[] = []
  const sockets: Socket[] = []
  let next = 0
  const server = createServer(socket => {
    const index = next++
    const script = [...(connections[index] ?? [])]
    heard[index] = ''
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      heard[index] += chunk.toString('hex')
      while (script[0] !== undefined && (heard[index] ?? '').length / 2 >= script[0][0]) {
        const [, says] = script.shift() as readonly [number, string]
        if (says === 'end') socket.destroy()
        else socket.write(Buffer.from(says.replaceAll(' ', ''), 'hex'))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { heard, args: ['-h', '127.0.0.1', '-p', String((server.address() as AddressInfo).port)] }
}

test('[MQTT-4.4.0-1] mosquitto_pub -l sends what was not answered on the next connection, once more', async t => {
  const broker = await scriptedBroker(t, [
    [
      [15, '20 02 0000'],
      [31, 'end'],
    ],
    [
      [15, '20 02 0000'],
      [31, '40 02 0001  40 02 0002'],
    ],
  ])
  const call = {
    tool: 'mosquitto_pub',
    args: [...broker.args, '-i', 'x', '-q', '1', '-t', 't', '-l'],
    input: 'a\nb\n',
  } as const
  const { code, words } = await runOurs(call)
  assert.deepEqual([code, words], [0, ''])
  const connect = '100d00044d5154540402003c000178'
  assert.equal(broker.heard[0], `${connect}32060001740001613206000174000262`)
  assert.ok(broker.heard[1]?.startsWith(`${connect}3a060001740001613a06000174000262`), broker.heard[1])
})

test('cli 5: mosquitto_sub subscribes again when the broker has gone and come back', async t => {
  const broker = await scriptedBroker(t, [
    [
      [15, '20 02 0000'],
      [23, '90 03 0001 00'],
      [23, 'end'],
    ],
    [
      [15, '20 02 0000'],
      [23, '90 03 0002 00  30 05 0001 74 6869'],
    ],
  ])
  const { code, stdout } = await runOurs({
    tool: 'mosquitto_sub',
    args: [...broker.args, '-i', 'x', '-t', 't', '-C', '1'],
  })
  assert.deepEqual([code, stdout], [0, 'hi\n'])
})

test('cli 5: mosquitto_pub ends with 7 when the broker goes, and with 2 when it breaks the protocol', async t => {
  const message = ['-q', '1', '-t', 't', '-m', 'x']
  const leaving = await scriptedBroker(t, [[[14, 'end']]])
  assert.equal((await runOurs({ tool: 'mosquitto_pub', args: [...leaving.args, ...message] })).code, 7)
  const raving = await scriptedBroker(t, [[[14, 'f000']]])
  const { code, words } = await runOurs({ tool: 'mosquitto_pub', args: [...raving.args, ...message] })
  assert.equal(code, 2)
  assert.match(words, /^Error: The broker broke the protocol: /)
})

test('cli 5: a WebSocket that is not answered is given up with the time', async t => {
  const silent = await scriptedBroker(t, [[]])
  const { code } = await runOurs({ tool: 'mosquitto_sub', args: [...silent.args, '--ws', '-t', 'a', '-W', '1'] })
  assert.equal(code, 27)
})

function start(t: TestContext, ...args: readonly string[]) {
  return startProgram(t, castellanProgram, ['compat', 'mosquitto_sub', ...args], { env: { HOME: '/nonexistent' } })
}

test('cli 5: a signal is a farewell that publishes the will, and ends with 0; before CONNACK with 255', async t => {
  const will = ['--will-topic', 'farewell', '--will-payload', 'gone', '--will-retain']
  const program = start(t, ...here(), '-V', '5', '-d', '-t', 'a', ...will)
  await program.waitForLine(/^Subscribed/)
  assert.equal((await program.stop()).code, 0)
  assert.match(program.stdout.at(-1) ?? '', /sending DISCONNECT$/)
  const { stdout } = await runDebian({
    tool: 'mosquitto_sub',
    args: [...here(), '-t', 'farewell', '-C', '1', '-W', '5'],
  })
  assert.equal(stdout, 'gone\n')
  const silent = await scriptedBroker(t, [[]])
  const waiting = start(t, ...silent.args, '-d', '-t', 'a')
  await waiting.waitForLine(/sending CONNECT$/)
  assert.equal((await waiting.stop()).code, 255)
  assert.deepEqual(waiting.stderr, [])
})

test('cli 5: mosquitto_sub ends when nobody reads its lines any more', async t => {
  const line = `"$0" compat mosquitto_sub ${here().join(' ')} -t flood -v | head -1; echo "ended"`
  const program = startProgram(t, 'bash', ['-c', line, castellanProgram], { env: { HOME: '/nonexistent' } })
  while (!program.lines.includes('ended')) {
    await runDebian({ tool: 'mosquitto_pub', args: [...here(), '-t', 'flood', '-m', 'x', '-q', '1'] })
  }
  assert.deepEqual(program.stdout, ['flood x', 'ended'])
})
