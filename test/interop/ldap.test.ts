// Users of a directory, with Debian's slapd as the server: who comes in, what cannot be tricked, which roles groups give, and that
// whoever is removed goes.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import test, { after, type TestContext } from 'node:test'
import { Attribute, Change } from 'ldapts'
import { ldapConnector } from '../../src/auth/ldap-connection.ts'
import { Administrator, initialFile, pluginLines } from '../support/administrator.ts'
import { throwawayPki } from '../support/authority.ts'
import { ldapNames, startLdapServer } from '../support/ldap-server.ts'
import { type ConnectFields, connectBytes, subscribeBytes } from '../support/packet-bytes.ts'
import {
  dial,
  join,
  lasting,
  publish,
  startWireBroker,
  subscribe,
  unique,
  type WireBroker,
} from '../support/wire-broker.ts'

const notAuthorized = 0x87
const serverBusy = 0x89
const administrativeAction = 0x98
const { people, groups, broker: account, password } = ldapNames

const { authority, stranger, server: files } = await throwawayPki()
const cleanups: (() => unknown)[] = []
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})
const ldap = await startLdapServer({ after: cleanup => void cleanups.push(cleanup as () => unknown) }, files)

const trust = `ldap_cafile ${authority.ca.cert}\n`
const secure = `ldap_url ${ldap.url}\n${trust}`
const startTls = `ldap_url ${ldap.plainUrl}\nldap_starttls true\n${trust}`
const search = `ldap_base ${people}\nldap_bind_dn ${account}\nldap_bind_password_file password\n`
const template = `ldap_user_dn uid=%u,${people}\n`

function start(t: TestContext, lines: string): Promise<WireBroker> {
  return startWireBroker(t, `log_type all\nauthentication_delay_max 0\n${lines}`, {
    password: `${password}\n`,
    'dynamic-security.json': initialFile,
  })
}

async function connackOf(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<number> {
  const client = await dial(t, broker)
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  const { reasonCode } = await client.expectConnack()
  client.breakOff()
  return reasonCode
}

const ways: readonly (readonly [name: string, lines: string])[] = [
  ['a search, over ldaps', secure + search],
  ['a search, over StartTLS', startTls + search],
  ['a template, over ldaps', secure + template],
  ['a template, over StartTLS', startTls + template],
  ['a template, looked at by the account', secure + template + search.replace(/^ldap_base.*\n/, '')],
  ['a search, on this machine without TLS', `ldap_url ${ldap.plainUrl}\n${search}`],
]

const attempts: readonly (readonly [username: string, password: string | undefined, reasonCode: number])[] = [
  ['alice', password, 0],
  ['alice', 'wrong', notAuthorized],
  ['alice', '', notAuthorized],
  ['alice', undefined, notAuthorized],
  ['ALICE', password, notAuthorized],
  ['alice ', password, notAuthorized],
  ['nobody', password, notAuthorized],
  ['*', password, notAuthorized],
  ['alice)(uid=*', password, notAuthorized],
  [`alice,${people}`, password, notAuthorized],
  ['a,ou=b)(*', password, 0],
]

for (const [name, lines] of ways) {
  test(`features K6: LDAP: by ${name}: the right password of the right name alone`, async t => {
    const broker = await start(t, lines)
    for (const [username, secret, reasonCode] of attempts) {
      const fields = { username, ...(secret !== undefined && { password: secret }) }
      assert.equal(await connackOf(t, broker, fields), reasonCode, `${username} ${secret}`)
    }
    assert.equal(
      broker.process.lines.some(line => line.includes('geheim')),
      false,
      'no password is in the log',
    )
  })
}

test('features K6: LDAP: a server that cannot show who it is, is told no password', async t => {
  const distrust = `ldap_cafile ${stranger.ca.cert}\n`
  for (const url of [`ldap_url ${ldap.url}\n`, `ldap_url ${ldap.plainUrl}\nldap_starttls true\n`]) {
    for (const lines of [distrust, '']) {
      const broker = await start(t, url + template + lines)
      assert.equal(await connackOf(t, broker, { username: 'alice', password }), serverBusy)
      await broker.process.waitForLine(/No answer from ldap/)
    }
  }
})

test('features K6: LDAP: a connection that is cut after StartTLS is not opened again without it', async t => {
  const sockets: Socket[] = []
  const proxy = createServer(socket => {
    sockets.push(socket)
    const onward = connectTcp(Number(new URL(ldap.plainUrl).port), 'localhost')
    socket.on('error', () => {}).on('close', () => onward.destroy())
    onward.on('error', () => {})
    socket.pipe(onward).pipe(socket)
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  const url = `ldap://localhost:${(proxy.address() as AddressInfo).port}`
  const ca = await readFile(authority.ca.cert, 'utf8')
  const connection = await ldapConnector({ url, startTls: true, ca, timeoutMs: 5000 })()
  assert.equal(await connection.bind(account, password), true)
  const [socket] = sockets
  assert.ok(socket)
  const closed = once(socket, 'close')
  socket.destroy()
  await closed
  for (let attempts = 0; attempts < 3; attempts++) await assert.rejects(connection.bind(account, password))
  await connection.close()
  assert.equal(sockets.length, 1)
})

/** Sends this along with the first thing that the server says, which is its answer to StartTLS. */
async function proxyThatAdds(t: TestContext, bytes: Buffer): Promise<string> {
  const proxy = createServer(socket => {
    const onward = connectTcp(Number(new URL(ldap.plainUrl).port), 'localhost')
    socket.on('error', () => {}).on('close', () => onward.destroy())
    onward.on('error', () => {}).on('close', () => socket.destroy())
    socket.pipe(onward)
    onward.once('data', first => {
      socket.write(Buffer.concat([first, bytes]))
      onward.pipe(socket)
    })
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
  t.after(() => proxy.close())
  return `ldap://localhost:${(proxy.address() as AddressInfo).port}`
}

/** The 14 bytes of "invalidCredentials", which come by TLS, would be the message of this "success" to the bind, number 3. */
const successAround = '301a 0201 03 6115 0a01 00 0400 040e'

for (const [what, hex] of [
  ['the beginning of an answer', successAround],
  ['a whole answer', '300c 0201 03 6107 0a01 00 0400 0400'],
  ['something else', '00'],
] as const) {
  test(`features K6: LDAP: whoever is on the way puts ${what} behind the answer to StartTLS: nobody is let in`, async t => {
    const url = await proxyThatAdds(t, Buffer.from(hex.replaceAll(' ', ''), 'hex'))
    const ca = await readFile(authority.ca.cert, 'utf8')
    await assert.rejects(ldapConnector({ url, startTls: true, ca, timeoutMs: 5000 })(), /has come before TLS/)
    const lines = `ldap_url ${url}\nldap_starttls true\n${trust}${template}`
    const broker = await start(t, lines)
    assert.equal(await connackOf(t, broker, { username: 'alice', password: 'wrong' }), serverBusy)
  })
}

test('features K6: LDAP: a handshake after StartTLS that does not go on ends in time, and so does its connection', async t => {
  const sockets: Socket[] = []
  const silent = createServer(socket => {
    sockets.push(socket.on('error', () => {}))
    // "Success" to StartTLS, which is message 2, and not a word afterwards.
    socket.once('data', () => socket.write(Buffer.from('300c02010278070a010004000400', 'hex')))
  })
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const url = `ldap://localhost:${(silent.address() as AddressInfo).port}`
  await assert.rejects(ldapConnector({ url, startTls: true, ca: undefined, timeoutMs: 300 })(), /no TLS within 300 ms/)
  const [socket] = sockets
  assert.ok(socket)
  if (!socket.closed) await once(socket, 'close')
})

test('features K6: LDAP: a connection that goes through somebody who adds nothing is as one that does not', async t => {
  const url = await proxyThatAdds(t, Buffer.alloc(0))
  const ca = await readFile(authority.ca.cert, 'utf8')
  const connection = await ldapConnector({ url, startTls: true, ca, timeoutMs: 5000 })()
  t.after(() => connection.close())
  assert.deepEqual([await connection.bind(account, 'wrong'), await connection.bind(account, password)], [false, true])
})

test('features K6: LDAP: a place that is not there is no answer, and no word that nobody has the name', async t => {
  for (const lines of [search.replace(people, `ou=nowhere,${people}`), search.replace(people, 'dc=elsewhere')]) {
    const broker = await start(t, secure + lines)
    assert.equal(await connackOf(t, broker, { username: 'nobody', password }), serverBusy)
  }
})

test('features K6: LDAP: an account that is not let in, and a server that is gone: nobody is let in', async t => {
  const wrong = secure + search.replace(account, 'cn=another,dc=example')
  const gone = `ldap_url ldap://127.0.0.1:1\n${template}`
  for (const lines of [wrong, gone]) {
    const broker = await start(t, lines)
    assert.equal(await connackOf(t, broker, { username: 'alice', password }), serverBusy)
  }
})

test('features K6: LDAP: a filter keeps out whoever it is not true of', async t => {
  const broker = await start(t, `${secure}${search}ldap_user_filter (!(sn=bob))\n`)
  assert.equal(await connackOf(t, broker, { username: 'alice', password }), 0)
  assert.equal(await connackOf(t, broker, { username: 'bob', password }), notAuthorized)
})

test('features K6: LDAP: groups give roles of dynamic security, and take them away', async t => {
  const lines = `ldap_group_base ${groups}\nldap_group_role reader CN=Ops, ${groups}\nldap_cache_seconds 1\n`
  const broker = await start(t, pluginLines + secure + search + lines)
  const admin = await Administrator.join(t, broker)
  const acls = ['subscribePattern', 'publishClientReceive'].map(acltype => ({ acltype, topic: 'news/#', allow: true }))
  await admin.do({ command: 'createRole', rolename: 'reader', acls })
  const alice = await join(t, broker, { username: 'alice', password })
  await subscribe(alice, 'news/#')
  const bob = await join(t, broker, { username: 'bob', password })
  bob.send(subscribeBytes({ version: 5, packetId: 2, subscriptions: [{ filter: 'news/#', qos: 1 }] }))
  assert.deepEqual((await bob.expectSuback()).reasonCodes, [notAuthorized])
  const member = new Attribute({ type: 'member', values: [`uid=bob,${people}`] })
  await ldap.change(client =>
    client.modify(`cn=ops,${groups}`, new Change({ operation: 'replace', modification: member })),
  )
  for (let granted = notAuthorized; granted === notAuthorized; ) {
    bob.send(subscribeBytes({ version: 5, packetId: 3, subscriptions: [{ filter: 'news/#', qos: 1 }] }))
    granted = (await bob.expectSuback()).reasonCodes[0] ?? 0
  }
})

test('features K6: revoking: the entry is gone: a live QoS 1 subscriber goes', async t => {
  const name = unique('user')
  const sn = { objectClass: 'inetOrgPerson', uid: name, cn: name, sn: name, userPassword: password }
  await ldap.change(client => client.add(`uid=${name},${people}`, sn))
  const broker = await start(t, `${secure}${search}ldap_cache_seconds 1\n`)
  const other = await join(t, broker, { username: 'alice', password })
  const victim = await join(t, broker, { username: name, password, ...lasting('v') })
  await subscribe(victim, [{ filter: 'news', qos: 1 }])
  await publish(other, { topic: 'news', qos: 1, payload: 'before' })
  await victim.expectPublish()
  await ldap.change(client => client.del(`uid=${name},${people}`))
  await victim.expectDisconnect(administrativeAction)
  await broker.process.waitForLine(/Client v \(u'user\w+'\) has to go: no such user\./)
  await publish(other, { topic: 'news', qos: 1, payload: 'afterwards' })
  assert.equal(await connackOf(t, broker, { username: name, password, ...lasting('v') }), notAuthorized)
})
