// The HTTP hook on the running program: who comes in by its word, what it grants, and that whoever it lets in no more goes, with
// a QoS 1 subscriber as the one who loses most.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { Administrator, initialFile, pluginLines } from '../support/administrator.ts'
import { throwawayPki } from '../support/authority.ts'
import { runBroker } from '../support/broker-process.ts'
import { HookServer } from '../support/hook-server.ts'
import { type ConnectFields, connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { dial, join, lasting, publish, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const serverBusy = 0x89
const administrativeAction = 0x98
const secret = 'a secret of the broker'.replaceAll(' ', '-')

const as = (username: string, more: ConnectFields = {}): ConnectFields => ({ username, password: 'pass-word', ...more })

async function connackOf(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<number> {
  const client = await dial(t, broker, fields.version)
  client.send(connectBytes({ clientId: 'c', ...fields }))
  const { reasonCode } = await client.expectConnack()
  client.breakOff()
  return reasonCode
}

test('features K6: hook: over HTTPS, it allows, denies, leaves to others, and what is no answer lets nobody in', async t => {
  const { authority, server } = await throwawayPki()
  const answers = {
    alice: { result: 'allow' },
    mallory: { result: 'deny' },
    odd: { result: 'allow', subscribed: ['#'] },
  }
  const hook = await HookServer.start(t, answers, server)
  const lines = `auth_http_url ${hook.url}\nauth_http_cafile ${authority.ca.cert}\nauth_http_secret_file secret\nlog_type all\n`
  const broker = await startWireBroker(t, lines, { secret: `${secret}\n` })
  assert.equal(await connackOf(t, broker, as('alice')), 0)
  assert.deepEqual(hook.questions[0], {
    action: 'connect',
    username: 'alice',
    clientId: 'c',
    password: 'pass-word',
    address: '127.0.0.1',
    certificate: null,
  })
  assert.equal(hook.secrets[0], `Bearer ${secret}`)
  assert.equal(await connackOf(t, broker, as('mallory')), notAuthorized)
  assert.equal(await connackOf(t, broker, as('mallory', { version: 4 })), 5)
  assert.equal(await connackOf(t, broker, as('stranger')), notAuthorized)
  assert.equal(await connackOf(t, broker, as('odd')), serverBusy)
  assert.equal(await connackOf(t, broker, {}), notAuthorized, 'who gives no name is not asked about')
  await broker.process.waitForLine(/Authentication of u'alice' as c: http allowed\./)
  await broker.process.waitForLine(/Authentication of u'stranger' as c: http deferred/)
  await broker.process.waitForLine(/No answer from http .* a member "subscribed" that is not known/)
  hook.close()
  assert.equal(await connackOf(t, broker, as('alice')), 0, 'what it has said counts')
  assert.equal(await connackOf(t, broker, as('alice', { password: 'another' })), serverBusy)
  assert.equal(
    broker.process.lines.some(line => line.includes('pass-word') || line.includes(secret)),
    false,
    'no password is in the log',
  )
})

test('features K6: hook: a server that cannot show who it is, is told no password', async t => {
  const { authority, stranger, server } = await throwawayPki()
  const hook = await HookServer.start(t, { alice: { result: 'allow' } }, server)
  const url = `auth_http_url ${hook.url}\n`
  for (const lines of [url, `${url}auth_http_cafile ${stranger.ca.cert}\n`]) {
    const broker = await startWireBroker(t, lines)
    assert.equal(await connackOf(t, broker, as('alice')), serverBusy)
  }
  const extensions = ['subjectAltName=DNS:another.example', 'extendedKeyUsage=serverAuth']
  const another = await authority.issue({ subject: 'another.example', extensions })
  const elsewhere = await HookServer.start(t, { alice: { result: 'allow' } }, another)
  const lines = `auth_http_url ${elsewhere.url}\nauth_http_cafile ${authority.ca.cert}\n`
  const broker = await startWireBroker(t, lines)
  assert.equal(await connackOf(t, broker, as('alice')), serverBusy)
  await broker.process.waitForLine(/No answer from http .*localhost/)
  assert.deepEqual([...hook.questions, ...elsewhere.questions], [])
})

test('features K6: hook: a list in the answer is all that the client may do', async t => {
  const hook = await HookServer.start(t, {
    alice: { result: 'allow', publish: ['a/+/state'], subscribe: ['a/#'] },
    bob: { result: 'allow' },
  })
  const broker = await startWireBroker(t, `auth_http_url ${hook.url}\n`)
  const alice = await join(t, broker, as('alice'))
  const bob = await join(t, broker, as('bob'))
  await subscribe(alice, 'a/#')
  alice.send(publishBytes({ version: 5, topic: 'b/1/state', qos: 1, packetId: 1, payload: 'no' }))
  assert.equal((await alice.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  alice.send(subscribeBytes({ version: 5, packetId: 2, subscriptions: [{ filter: 'b/#', qos: 1 }] }))
  assert.deepEqual((await alice.expectSuback()).reasonCodes, [notAuthorized])
  await publish(bob, { topic: 'b/1/state', payload: 'not for alice' })
  await alice.expectNothing()
  await publish(bob, { topic: 'a/1/state', payload: 'for alice' })
  assert.equal((await alice.expectPublish()).topic, 'a/1/state')
})

test('features K6: hook: roles in the answer are those of dynamic security', async t => {
  const hook = await HookServer.start(t, { alice: { result: 'allow', roles: ['reader'] }, bob: { result: 'allow' } })
  const files = { 'dynamic-security.json': initialFile }
  const broker = await startWireBroker(t, `${pluginLines}auth_http_url ${hook.url}\n`, files)
  const admin = await Administrator.join(t, broker)
  const acls = [
    { acltype: 'subscribePattern', topic: 'news/#', allow: true },
    { acltype: 'publishClientReceive', topic: 'news/#', allow: true },
  ]
  await admin.do({ command: 'createRole', rolename: 'reader', acls })
  const alice = await join(t, broker, as('alice'))
  await subscribe(alice, 'news/#')
  const bob = await join(t, broker, as('bob'))
  bob.send(subscribeBytes({ version: 5, packetId: 2, subscriptions: [{ filter: 'news/#', qos: 1 }] }))
  assert.deepEqual((await bob.expectSuback()).reasonCodes, [notAuthorized])
})

test('features K6: revoking: hook says no: a live QoS 1 subscriber goes, and receives nothing any more, also when it comes back', async t => {
  const hook = await HookServer.start(t, { victim: { result: 'allow', lifetime: 1 }, other: { result: 'allow' } })
  const broker = await startWireBroker(t, `auth_http_url ${hook.url}\n`)
  const other = await join(t, broker, as('other'))
  const victim = await join(t, broker, as('victim', lasting('v')))
  await subscribe(victim, [{ filter: 'news', qos: 1 }])
  await publish(other, { topic: 'news', qos: 1, payload: 'before' })
  await victim.expectPublish()

  const told = Promise.withResolvers<number>()
  hook.onQuestion = ({ action, username }) => {
    if (action === 'renew' && username === 'victim') told.resolve(performance.now())
  }
  hook.answers['victim'] = { result: 'deny' }
  await victim.expectDisconnect(administrativeAction)
  t.diagnostic(`gone ${(performance.now() - (await told.promise)).toFixed(1)} ms after the hook was asked`)
  await broker.process.waitForLine(/Client v \(u'victim'\) has to go: the HTTP hook says no\./)
  await publish(other, { topic: 'news', qos: 1, payload: 'afterwards' })
  assert.equal(await connackOf(t, broker, as('victim', lasting('v'))), notAuthorized)
  assert.ok(other.socket.writable, 'nobody else is disturbed')
})

test('features K6: revoking: a hook that is silent: the session ends with the answer', async t => {
  const hook = await HookServer.start(t, { victim: { result: 'allow', lifetime: 1 } })
  const broker = await startWireBroker(t, `auth_http_url ${hook.url}\nauth_http_timeout 1\n`)
  const victim = await join(t, broker, as('victim'))
  hook.close()
  await victim.expectDisconnect(administrativeAction)
  await broker.process.waitForLine(/has to go: it could not be asked again in time\./)
})

test('features K6: hook: other rights hold at once, and without a disconnect', async t => {
  const hook = await HookServer.start(t, {
    alice: { result: 'allow', lifetime: 1, publish: ['a', 'done'], subscribe: ['a', 'b', 'done'] },
    bob: { result: 'allow' },
  })
  const broker = await startWireBroker(t, `auth_http_url ${hook.url}\n`)
  const alice = await join(t, broker, as('alice'))
  const bob = await join(t, broker, as('bob'))
  await subscribe(alice, [
    { filter: 'a', qos: 1 },
    { filter: 'b', qos: 1 },
  ])
  const asked = new Promise<void>(resolve => {
    let count = 0
    hook.onQuestion = ({ action }) => {
      if (action === 'renew' && ++count === 2) resolve()
    }
  })
  hook.answers['alice'] = { result: 'allow', lifetime: 1, publish: ['done'], subscribe: ['b', 'done'] }
  // The second question comes after the first answer was taken in.
  await asked
  await publish(bob, { topic: 'a', qos: 1, payload: 'not any more' })
  await publish(bob, { topic: 'b', qos: 1, payload: 'still' })
  assert.equal((await alice.expectPublish()).topic, 'b')
  alice.send(publishBytes({ version: 5, topic: 'a', qos: 1, packetId: 9, payload: 'no' }))
  assert.equal((await alice.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
})

test('features K6: hook: who was let in by one hook is not by another: a reload that changes it ends the sessions', async t => {
  const answers = { alice: { result: 'allow' } }
  const [one, two] = [await HookServer.start(t, answers), await HookServer.start(t, answers)]
  const broker = await startWireBroker(t, `auth_http_url ${one.url}\n`)
  const alice = await join(t, broker, as('alice'))
  const lines = (url: string) => `listener ${broker.port} 127.0.0.1\nauth_http_url ${url}\n`
  await broker.process.writeConfig(`${lines(one.url)}auth_http_timeout 9\n`)
  await broker.process.reload(/Configuration reloaded/)
  await publish(alice, { topic: 't', qos: 1, payload: 'still here' })
  await broker.process.writeConfig(lines(two.url))
  await broker.process.reload(/Configuration reloaded/)
  await alice.expectDisconnect(administrativeAction)
  await join(t, broker, as('alice'))
  assert.equal(two.questions.length, 1)
})

test('features K6: hook: a broker that would tell passwords on the way does not start', async t => {
  const refused: readonly (readonly [lines: string, text: RegExp])[] = [
    ['auth_http_url http://hook.example/', /auth_http_url has to be https, or on this machine/],
    ['auth_http_url https://a:b@hook.example/', /without a password/],
    ['auth_http_url https://hook.example/\nauth_http_secret_file secret', /16 to 4096 visible ASCII/],
    ['auth_http_url https://hook.example/\nauth_http_cafile secret', /there is no certificate in it/],
    ['auth_http_url https://hook.example/\nauth_order password-file', /auth_order leaves out http/],
  ]
  for (const [lines, text] of refused) {
    const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\n${lines}\n`
    const { lines: told } = await runBroker(t, 'castellan', { config, files: { secret: 'short' } })
    assert.match(told.join('\n'), text)
  }
})
