// Clients that log in with a JSON Web Token, over real sockets: MQTT.js as the other side, keys from files and from a server
// that changes them.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { connect, type IClientOptions, type IDisconnectPacket, type MqttClient } from 'mqtt'
import { type BrokerProcess, runBroker, startBroker } from '../support/broker-process.ts'
import { connectMqttJs } from '../support/clients.ts'
import { keySet, makeToken, signingKeys, tokenSecret } from '../support/tokens.ts'
import { connected } from './mqtt-js-client.ts'

const { ES256: first, ES384: second } = signingKeys

const listener = ({ port }: { readonly port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous false\n`

interface TokenFields {
  readonly key?: typeof first
  readonly alg?: string
  readonly kid?: string
  readonly life?: number
  readonly claims?: object
}

function token({ key = first, alg = 'ES256', kid, life = 3600, claims = {} }: TokenFields = {}): string {
  const exp = Math.floor(Date.now() / 1000) + life
  const header = { alg, ...(kid !== undefined && { kid }) }
  return makeToken({ header, claims: { sub: 'device-7', exp, ...claims } }, key.privateKey)
}

function options(password: string, more: IClientOptions = {}): IClientOptions {
  return { protocolVersion: 5, username: 'device-7', password, ...more }
}

function logIn(t: TestContext, { port }: BrokerProcess, ...args: Parameters<typeof options>): Promise<MqttClient> {
  return connectMqttJs(t, `mqtt://127.0.0.1:${port}`, options(...args))
}

/** The reason code of the CONNACK that refuses. */
function refusal(t: TestContext, broker: BrokerProcess, ...args: Parameters<typeof options>): Promise<unknown> {
  return logIn(t, broker, ...args).then(
    () => 'let in',
    (error: { readonly code?: unknown }) => error.code,
  )
}

function nextMessage(client: MqttClient): Promise<string> {
  return new Promise(resolve => {
    client.once('message', (topic, payload) => resolve(`${topic}: ${payload.toString()}`))
  })
}

function disconnected(client: MqttClient): Promise<IDisconnectPacket> {
  return new Promise(resolve => {
    client.once('disconnect', resolve)
  })
}

test('features K5: MQTT.js logs in with a token as its password, in MQTT 5 and 3.1.1; `%u` is the name in it', async t => {
  const broker = await startBroker(t, {
    config: place =>
      `${listener(place)}jwt_key_file ${place.dir}/keys\njwt_algorithms ES256\nacl_file ${place.dir}/acl\n`,
    files: { keys: first.publicPem, acl: 'pattern readwrite devices/%u/#\n' },
  })
  for (const protocolVersion of [5, 4] as const) {
    const client = await logIn(t, broker, token(), { protocolVersion })
    const message = nextMessage(client)
    await client.subscribeAsync('devices/+/state', { qos: 1 })
    await client.publishAsync('devices/device-8/state', 'of somebody else', { qos: 0 })
    await client.publishAsync('devices/device-7/state', 'own', { qos: 1 })
    assert.equal(await message, 'devices/device-7/state: own')
  }
  const broken = token().replace(/\.[^.]*$/, '.AAAA')
  assert.equal(await refusal(t, broker, broken), 0x87)
  assert.equal(await refusal(t, broker, broken, { protocolVersion: 4 }), 5)
  assert.equal(await refusal(t, broker, token({ life: -60 })), 0x87)
  assert.equal(await refusal(t, broker, 'no token'), 0x87)
  assert.equal(await refusal(t, broker, token(), { username: 'admin' }), 0x87)
  assert.equal(
    broker.lines.some(line => line.includes('eyJ')),
    false,
    'no token is in the log',
  )
})

test('features K5: MQTT.js is told with 0xA0 that its token has ended', async t => {
  const broker = await startBroker(t, {
    config: place => `${listener(place)}jwt_key_file ${place.dir}/keys\njwt_algorithms ES256\njwt_clock_skew 0\n`,
    files: { keys: keySet({ one: first }) },
  })
  const client = await logIn(t, broker, token({ life: 2, kid: 'one' }))
  const { reasonCode, properties } = await disconnected(client)
  assert.deepEqual([reasonCode, properties?.reasonString], [0xa0, 'token has expired'])
  await broker.waitForLine(/has to go: token has expired\./)
})

test('features K5: MQTT.js logs in by the authentication method `JWT`', async t => {
  const broker = await startBroker(t, {
    config: place => `${listener(place)}jwt_secret_file ${place.dir}/secret\njwt_algorithms HS512\n`,
    files: { secret: `${tokenSecret}\n` },
  })
  const exp = Math.floor(Date.now() / 1000) + 3600
  const authenticationData = (secret: string) =>
    Buffer.from(makeToken({ header: { alg: 'HS512' }, claims: { sub: 'device-7', exp } }, secret))
  const url = `mqtt://127.0.0.1:${broker.port}`
  const method = (secret: string): IClientOptions => ({
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { authenticationMethod: 'JWT', authenticationData: authenticationData(secret) },
  })
  const client = connect(url, method(tokenSecret))
  t.after(() => client.end(true))
  const connack = await connected(client)
  assert.deepEqual([connack.reasonCode, connack.properties?.authenticationMethod], [0, 'JWT'])
  await assert.rejects(connectMqttJs(t, url, method('x'.repeat(64))), { code: 0x87 })
})

test('features K5: keys from a URL: a rotated set lets in tokens by the new key, and those of other issuers stay out', async t => {
  let set = keySet({ one: first })
  const server = createServer((_, response) => response.end(set))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  const rules = `jwt_jwks_url ${url}\njwt_algorithms ES256 ES384\njwt_issuer i\njwt_audience a\n`
  const broker = await startBroker(t, { config: place => `${listener(place)}${rules}` })
  const claims = { iss: 'i', aud: ['a', 'b'] }
  await logIn(t, broker, token({ kid: 'one', claims }))
  for (const wrong of [{ ...claims, iss: 'x' }, { ...claims, aud: 'b' }, { iss: 'i' }]) {
    assert.equal(await refusal(t, broker, token({ kid: 'one', claims: wrong })), 0x87)
  }
  set = keySet({ two: second })
  // A reload forgets what was fetched.
  await broker.reload(/Configuration reloaded/)
  await logIn(t, broker, token({ key: second, alg: 'ES384', kid: 'two', claims }))
  assert.equal(await refusal(t, broker, token({ kid: 'one', claims })), 0x87)
})

test('features K5: a reload that takes a key away ends who came by it, and only them', async t => {
  const broker = await startBroker(t, {
    config: place => `${listener(place)}jwt_key_file ${place.dir}/keys\njwt_algorithms ES256 ES384\n`,
    files: { keys: first.publicPem + second.publicPem },
  })
  const goes = await logIn(t, broker, token(), { clientId: 'goes' })
  const stays = await logIn(t, broker, token({ key: second, alg: 'ES384' }), { clientId: 'stays' })
  const end = disconnected(goes)
  await broker.writeFile('keys', second.publicPem)
  await broker.reload(/Configuration reloaded/)
  assert.equal((await end).reasonCode, 0x98)
  await stays.publishAsync('t', 'still here', { qos: 1 })
  await broker.writeFile('keys', first.privatePem)
  await broker.reload(/Nothing was reloaded/)
  await stays.publishAsync('t', 'still here', { qos: 1 })
})

test('features K5: a broker whose tokens could be forged does not start', async t => {
  const refused: readonly (readonly [lines: string, key: string, text: RegExp])[] = [
    ['jwt_key_file keys', first.publicPem, /Tokens need jwt_algorithms/],
    ['jwt_key_file keys\njwt_algorithms none', first.publicPem, /Invalid 'jwt_algorithms' value \(none\)/],
    ['jwt_secret_file keys\njwt_algorithms HS256', first.publicPem, /public keys belong into jwt_key_file/],
    ['jwt_secret_file keys\njwt_algorithms HS256', 'short', /at least 32 bytes/],
    ['jwt_key_file keys\njwt_algorithms ES256', first.privatePem, /key 1 is secret/],
    ['jwt_jwks_url http://issuer.example/\njwt_algorithms ES256', '', /it has to be https/],
  ]
  for (const [lines, key, text] of refused) {
    const { lines: told } = await runBroker(t, 'castellan', {
      config: place => `${listener(place)}${lines.replace(' keys', ` ${place.dir}/keys`)}\n`,
      files: { keys: key },
    })
    assert.match(told.join('\n'), text)
  }
})
