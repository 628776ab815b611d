// Revoking by each means while a subscriber at QoS 1 is connected: what it may still receive, when it is gone, and what a session that
// goes on may still do. How fast each was is told in the diagnostics of the tests. Certificates: revocation.test.ts.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { ctl } from '../../src/cli/ctl/ctl.ts'
import { Administrator, initialFile, pluginLines, type SentCommand } from '../support/administrator.ts'
import { concat } from '../support/bytes.ts'
import { runCommand } from '../support/command.ts'
import {
  acknowledgementBytes,
  authBytes,
  type ConnectFields,
  connectBytes,
  publishBytes,
  subscribeBytes,
} from '../support/packet-bytes.ts'
import { property } from '../support/property-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { makeToken, signingKeys } from '../support/tokens.ts'
import {
  dial,
  drain,
  expectConnectRefused,
  join,
  lasting,
  publish,
  startWireBroker,
  subscribe,
  type WireBroker,
} from '../support/wire-broker.ts'

const notAuthorized = 0x87
const banned = 0x8a
const administrativeAction = 0x98
const maximumConnectTime = 0xa0
const { privateKey, publicPem } = signingKeys.ES256

/** As the administrator of both topics of control has it. */
const acls = ['publishClientSend', 'publishClientReceive', 'subscribePattern'].map(acltype => ({
  acltype,
  topic: '$CONTROL/broker/#',
  allow: true,
}))

function securityFile(): string {
  const initial = JSON.parse(initialFile)
  const [admin] = initial.roles
  const none = { publishClientSend: false, publishClientReceive: false, subscribe: false, unsubscribe: true }
  return JSON.stringify({
    ...initial,
    roles: [{ ...admin, acls: [...admin.acls, ...acls] }],
    defaultACLAccess: none,
  })
}

const config = `${pluginLines}enable_control_api true
ban_file bans.json
jwt_key_file issuer.pem
jwt_algorithms ES256
jwt_clock_skew 0
jwt_roles_claim roles
jwt_groups_claim groups
`

interface House {
  readonly broker: WireBroker
  readonly admin: Administrator
  readonly publisher: RawClient
}

const role = (rolename: string): SentCommand => ({
  command: 'createRole',
  rolename,
  acls: ['publishClientSend', 'publishClientReceive', 'subscribePattern'].map(acltype => ({
    acltype,
    topic: `${rolename}/#`,
    allow: true,
  })),
})
const client = (username: string, more: object = {}): SentCommand => ({
  command: 'createClient',
  username,
  password: username,
  ...more,
})
const held = { roles: [{ rolename: 'r' }] }

/** A publisher that may send to `r/#`, and a user `u` that may have it. */
async function start(t: TestContext, options = ''): Promise<House> {
  const files = { 'dynamic-security.json': securityFile(), 'issuer.pem': publicPem }
  const broker = await startWireBroker(t, `${config}${options}`, files)
  const admin = await Administrator.join(t, broker)
  const group = { command: 'createGroup', groupname: 'g', ...held }
  await admin.do(role('r'), role('sender'), group, client('u', held), client('p'))
  await admin.do(
    { command: 'addRoleACL', rolename: 'sender', acltype: 'publishClientSend', topic: 'r/#', allow: true },
    { command: 'addClientRole', username: 'p', rolename: 'sender' },
  )
  return { broker, admin, publisher: await join(t, broker, { username: 'p', password: 'p' }) }
}

function token(claims: object = {}, lifeSeconds = 3600): string {
  const exp = Math.floor(Date.now() / 1000) + lifeSeconds
  return makeToken({ header: { alg: 'ES256' }, claims: { sub: 'device', exp, ...claims } }, privateKey)
}

const byPassword: ConnectFields = { ...lasting('victim'), username: 'u', password: 'u' }
const byToken = (claims: object, lifeSeconds?: number): ConnectFields => ({
  ...lasting('victim'),
  password: token(claims, lifeSeconds),
})

interface Means {
  readonly name: string
  readonly fields: ConnectFields
  /** Said by the administrator; the answer says that it holds. */
  revoke(house: House): Promise<void>
  /** Of the DISCONNECT. */
  readonly reasonCode: number
  /** Of the CONNACK that the same CONNECT gets afterwards; undefined: it is let in, to nothing. */
  readonly afterwards: number | undefined
}

const command =
  (name: string, given: object) =>
  ({ admin }: House) =>
    admin.do({ command: name, ...given })

const ban =
  (kind: string, value: string) =>
  async ({ broker }: House) => {
    const login = ['-p', String(broker.port), '-i', 'ctl', '-u', 'admin', '-P', 'adminpw']
    const { code, stderr } = await runCommand(ctl, [...login, 'broker', 'createBan', kind, value])
    assert.equal(code, 0, stderr)
  }

const excluded = { reasonCode: administrativeAction, afterwards: notAuthorized } as const
const demoted = { reasonCode: administrativeAction, afterwards: undefined } as const
const isBanned = { reasonCode: administrativeAction, afterwards: banned } as const
const ofU = { username: 'u' }

const means: readonly Means[] = [
  { name: 'disableClient', fields: byPassword, revoke: command('disableClient', ofU), ...excluded },
  { name: 'deleteClient', fields: byPassword, revoke: command('deleteClient', ofU), ...excluded },
  {
    name: 'setClientPassword',
    fields: byPassword,
    revoke: command('setClientPassword', { ...ofU, password: 'new' }),
    ...excluded,
  },
  { name: 'setClientId', fields: byPassword, revoke: command('setClientId', { ...ofU, clientid: 'x' }), ...excluded },
  {
    name: 'removeClientRole',
    fields: byPassword,
    revoke: command('removeClientRole', { ...ofU, rolename: 'r' }),
    ...demoted,
  },
  {
    name: 'removeRoleACL of what is received',
    fields: byPassword,
    revoke: ({ admin }) =>
      admin.do(
        { command: 'removeRoleACL', rolename: 'r', acltype: 'subscribePattern', topic: 'r/#' },
        { command: 'removeRoleACL', rolename: 'r', acltype: 'publishClientReceive', topic: 'r/#' },
      ),
    ...demoted,
  },
  { name: 'deleteRole', fields: byPassword, revoke: command('deleteRole', { rolename: 'r' }), ...demoted },
  {
    name: 'deleteRole of one that a token gives',
    fields: byToken({ roles: ['r'] }),
    revoke: command('deleteRole', { rolename: 'r' }),
    ...demoted,
  },
  {
    name: 'removeGroupRole of a group that a token gives',
    fields: byToken({ groups: 'g' }),
    revoke: command('removeGroupRole', { groupname: 'g', rolename: 'r' }),
    ...demoted,
  },
  { name: 'a ban by client id', fields: byPassword, revoke: ban('clientid', 'victim'), ...isBanned },
  { name: 'a ban by user', fields: byPassword, revoke: ban('username', 'u'), ...isBanned },
]

/** Sends on `r/1`, and waits for the PUBACK. */
function send({ publisher }: House, payload: string): Promise<void> {
  return publish(publisher, { topic: 'r/1', payload, qos: 1 })
}

/** A subscriber that has acknowledged one message, and has another one in its hands. */
async function subscriber(t: TestContext, house: House, fields: ConnectFields): Promise<RawClient> {
  const victim = await join(t, house.broker, fields)
  await subscribe(victim, [{ filter: 'r/#', qos: 1 }])
  for (const payload of ['acknowledged', 'in flight']) {
    await send(house, payload)
    const { payload: received, packetId } = await victim.expectPublish()
    assert.equal(received, payload)
    if (payload === 'acknowledged') victim.send(acknowledgementBytes('PUBACK', packetId))
  }
  return victim
}

/** Nothing may be subscribed to, and nothing is received. */
async function assertPowerless(house: House, victim: RawClient): Promise<void> {
  await send(house, 'secret')
  victim.send(subscribeBytes({ version: 5, packetId: 9, subscriptions: [{ filter: 'r/#', qos: 1 }] }))
  assert.deepEqual((await victim.expectSuback()).reasonCodes, [notAuthorized])
  assert.deepEqual(await drain(victim), [])
}

for (const { name, fields, revoke, reasonCode, afterwards } of means) {
  test(`features G5, H: ${name} ends a subscriber at once: it gets nothing that is sent afterwards, then or later`, async t => {
    const house = await start(t)
    const victim = await subscriber(t, house, fields)
    const closed = new Promise<number>(resolve => {
      victim.socket.once('close', () => resolve(performance.now()))
    })
    const said = performance.now()
    await revoke(house)
    const answered = performance.now()
    await send(house, 'secret')
    await victim.expectDisconnect(reasonCode)
    const ms = (from: number, to: number) => `${(to - from).toFixed(1)} ms`
    t.diagnostic(`${name}: answered after ${ms(said, answered)}, gone after ${ms(said, await closed)}`)
    if (afterwards !== undefined) {
      const again = await dial(t, house.broker)
      again.send(connectBytes(fields))
      await expectConnectRefused(again, afterwards)
      return
    }
    const back = await join(t, house.broker, fields)
    // What it had in its hands comes once more [MQTT-4.4.0-1]; what was not sent yet does not.
    const { payload, packetId } = await back.expectPublish()
    assert.equal(payload, 'in flight')
    back.send(acknowledgementBytes('PUBACK', packetId))
    await assertPowerless(house, back)
  })
}

const onTheSpot = means.filter(({ afterwards }) => afterwards === undefined)

for (const { name, fields, revoke } of onTheSpot) {
  test(`features G5: ${name} with disconnect_on_role_change false: the session goes on, and nothing more is sent to it`, async t => {
    const house = await start(t, 'disconnect_on_role_change false\n')
    const victim = await subscriber(t, house, fields)
    await revoke(house)
    await assertPowerless(house, victim)
  })
}

test('features K5: the end of a token ends its subscriber, and what comes later waits for the next token', async t => {
  const house = await start(t)
  const fields = byToken({ roles: ['r'] }, 5)
  const end = (Math.floor(Date.now() / 1000) + 5) * 1000
  const victim = await subscriber(t, house, fields)
  const closed = new Promise<number>(resolve => {
    victim.socket.once('close', () => resolve(Date.now()))
  })
  await victim.expectDisconnect(maximumConnectTime)
  t.diagnostic(`the end of a token: gone ${(await closed) - end} ms after it`)
  await send(house, 'later')
  const again = await dial(t, house.broker)
  again.send(connectBytes(fields))
  await expectConnectRefused(again, notAuthorized)
  const back = await join(t, house.broker, byToken({ roles: ['r'] }))
  assert.deepEqual(
    (await drain(back)).map(({ payload }) => payload),
    ['in flight', 'later'],
  )
})

test('features K5, §4.12.1: a newer token with fewer roles takes rights away at once, and one with more gives them', async t => {
  const house = await start(t)
  const proof = (claims: object) =>
    concat(property.authenticationMethod('JWT'), property.authenticationData(token(claims)))
  const victim = await join(t, house.broker, { clientId: 'victim', properties: proof({ roles: ['r'] }) })
  await subscribe(victim, [{ filter: 'r/#', qos: 1 }])
  await send(house, 'to read')
  assert.equal((await victim.expectPublish()).payload, 'to read')
  victim.send(authBytes(0x19, proof({ roles: ['nothing'] })))
  assert.equal((await victim.expectAuth()).reasonCode, 0)
  await assertPowerless(house, victim)
  victim.send(publishBytes({ version: 5, topic: 'r/1', qos: 1, packetId: 7 }))
  assert.equal((await victim.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  victim.send(authBytes(0x19, proof({ roles: ['r'] })))
  assert.equal((await victim.expectAuth()).reasonCode, 0)
  await subscribe(victim, [{ filter: 'r/#', qos: 1 }])
  await send(house, 'again')
  assert.equal((await victim.expectPublish()).payload, 'again')
  await house.broker.process.waitForLine(/Dynamic security: role "nothing", which somebody was given, does not exist/)
  victim.send(authBytes(0x19, proof({ roles: { r: true } })))
  await victim.expectDisconnect(notAuthorized)
})
