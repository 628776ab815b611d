// The examples run, and do what their pages say; the application for Aedes and the one that was moved do the same.

import assert from 'node:assert/strict'
import { get } from 'node:http'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { join, received } from '../support/embedded.ts'
import { type LineProcess, runProgram, startProgram } from '../support/line-process.ts'

const repository = joinPath(import.meta.dirname, '../..')

/** With the sources of the library, as a checkout has them. */
function command(file: string, ...args: readonly string[]): [string, readonly string[], { cwd: string }] {
  return [process.execPath, ['--conditions=castellan-source', `examples/${file}`, ...args], { cwd: repository }]
}

async function start(t: TestContext, file: string): Promise<{ program: LineProcess; port: number }> {
  const program = startProgram(t, ...command(file, '0'))
  const [, port] = await program.waitForLine(/^listening (\d+)$/)
  return { program, port: Number(port) }
}

/** The application is told to end, and does so by itself. */
async function end({ program }: { readonly program: LineProcess }): Promise<void> {
  program.child.kill('SIGTERM')
  assert.deepEqual(await program.exit(), { code: 0, signal: null })
  assert.deepEqual(program.stderr, [])
}

test('examples/in-process.ts publishes and subscribes, and the process ends by itself', async t => {
  const program = await runProgram(t, ...command('in-process.ts'))
  assert.deepEqual(program.lines, ['room/1/temperature 21.5 (retained)', 'room/2/temperature 19.0'])
  assert.deepEqual(await program.exit(), { code: 0, signal: null })
})

test('examples/own-users.ts lets in whom it knows, with topics of their own, and nobody else', async t => {
  const application = await start(t, 'own-users.ts')
  const { port, program } = application
  const login = { username: 'device-1', password: '5f0c4e1ab2d94c3e8a7d6b5c4f3e2d1c' }
  const device = await join(t, port, 'd', login)
  await device.publishAsync('device-1/up/x', '', { qos: 1 })
  await assert.rejects(device.publishAsync('device-2/up/x', '', { qos: 1 }), { code: 0x87 })
  await assert.rejects(join(t, port, 'e', { ...login, password: 'guessed' }), { code: 0x87 })
  await assert.rejects(join(t, port, 'e'), { code: 0x87 })
  await device.endAsync()
  await end(application)
  assert.deepEqual(program.stdout.slice(1), ['connected device-1', 'refused device-1', 'refused undefined'])
})

test('examples/websocket-on-http.ts serves pages and MQTT on one port', async t => {
  const application = await start(t, 'websocket-on-http.ts')
  const url = `127.0.0.1:${application.port}`
  const wsOptions = { origin: 'https://example.com' }
  const client = await connectAsync(`ws://${url}/mqtt`, { reconnectPeriod: 0, wsOptions }, false)
  const next = received(client)
  await client.subscribeAsync('t')
  await client.publishAsync('t', 'x')
  assert.equal(await next(), 't x')
  const page = await new Promise(resolve =>
    get({ host: '127.0.0.1', port: application.port, agent: false }, response => response.on('data', resolve)),
  )
  assert.equal(String(page), 'a page of the application\n')
  await client.endAsync()
  await end(application)
})

/** What a client script sees, and what the application says, in an order of its own. */
interface Seen {
  readonly client: readonly string[]
  readonly application: readonly string[]
}

test('docs/upgrading-from-aedes.md: the application that was moved shows clients, and says, what the one for Aedes did', async t => {
  const before = await seenOf(t, 'aedes-before/stations.ts')
  const after = await seenOf(t, 'aedes-after/stations.ts')
  assert.deepEqual(after, before)
  assert.ok(before.client.length > 8 && before.application.length > 8, 'the script has seen something')
})

async function seenOf(t: TestContext, file: string): Promise<Seen> {
  const application = await start(t, file)
  const client = await script(t, application.port)
  const { program } = application
  const last = [/^disconnected o$/, /^unsubscribed o alarms\/last$/, /^disconnected p$/, /^unsubscribed p alarms\/#$/]
  await Promise.all(last.map(line => program.waitForLine(line)))
  await end(application)
  return { client, application: program.stdout.filter(line => !line.startsWith('listening ')).sort() }
}

async function script(t: TestContext, port: number): Promise<readonly string[]> {
  const seen: string[] = []
  const enter = (clientId: string, username: string, password: string) =>
    join(t, port, clientId, { protocolVersion: 4, username, password } satisfies IClientOptions)
  for (const [name, password] of [
    ['station', 'wrong'],
    ['nobody', 'rain'],
  ] as const) {
    const refusal: { readonly code?: unknown } = await enter('x', name, password).catch(error => error)
    seen.push(`refused ${refusal.code}`)
  }
  const operator = await enter('o', 'operator', 'sun')
  const next = received(operator)
  await operator.subscribeAsync('stations/#', { qos: 1 })
  await operator.subscribeAsync('alarms/last', { qos: 1 })
  const station = await enter('s1', 'station', 'rain')
  seen.push(`granted ${await subackOf(station, '#')}`)
  for (const qos of [0, 1, 2] as const) {
    await station.publishAsync('stations/s1/rain', `${qos} mm`, { qos })
    seen.push(await next())
  }
  await station.publishAsync('stations/s1/debug', 'not for operators', { qos: 1 })
  await station.publishAsync('stations/s1/alarm', 'flood', { qos: 1 })
  seen.push(...[await next(), await next()].sort())
  const closed = new Promise<void>(resolve => station.once('close', resolve))
  station.publish('stations/s2/rain', 'forged', { qos: 0 })
  await closed
  seen.push('closed for what is not its own')
  await operator.unsubscribeAsync('stations/#')
  const late = await enter('p', 'operator', 'sun')
  const nextOfLate = received(late)
  await late.subscribeAsync('alarms/#')
  seen.push(`retained ${await nextOfLate()}`)
  await late.endAsync()
  await operator.endAsync()
  return seen
}

/** The granted QoS, or 128. */
async function subackOf(client: MqttClient, topicFilter: string): Promise<unknown> {
  const granted = new Promise<unknown>(resolve =>
    client.on('packetreceive', packet => packet.cmd === 'suback' && resolve(packet.granted)),
  )
  client.subscribe(topicFilter, () => {})
  return granted
}
