// The audit of the running program: each kind of event with who, from where and what, and what survives a crash.

import assert from 'node:assert/strict'
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { masked } from '../../src/audit/present.ts'
import type { AuditRecord } from '../../src/audit/record.ts'
import { verifyAudit } from '../../src/audit/verify.ts'
import { audit as auditCommand } from '../../src/cli/audit/audit.ts'
import { ctl } from '../../src/cli/ctl/ctl.ts'
import { Administrator, initialFile, pluginLines } from '../support/administrator.ts'
import { awaitRecord, recordsOf } from '../support/audit.ts'
import { Authority } from '../support/authority.ts'
import { startBroker } from '../support/broker-process.ts'
import { runCommand } from '../support/command.ts'
import {
  type ConnectFields,
  connectBytes,
  publishBytes,
  subscribeBytes,
  unsubscribeBytes,
} from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw } from '../support/raw-client.ts'
import { ListSigner } from '../support/revocations.ts'
import { dial, join, leave, settled, startWireBroker, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const administrativeAction = 0x98
const files = {
  acl: 'user admin\ntopic readwrite #\ntopic readwrite $CONTROL/#\n\nuser alice\ntopic readwrite alice/#\n',
  pw: passwordLines({ admin: 'pw', alice: 'a-secret' }),
}
const rules = 'audit_file audit.jsonl\npassword_file pw\nacl_file acl\nenable_control_api true\nban_file bans.json\n'
const alice = { clientId: 'a', username: 'alice', password: 'a-secret' }

function pathOf({ process }: Pick<WireBroker, 'process'>): string {
  return joinPath(process.dir, 'audit.jsonl')
}

function start(t: TestContext, more = ''): Promise<WireBroker> {
  return startWireBroker(t, `${rules}${more}`, files)
}

/** The one of a kind, once it is written. */
function told(broker: WireBroker, kind: string, isIt = (_record: AuditRecord) => true): Promise<AuditRecord> {
  return awaitRecord(pathOf(broker), record => record.kind === kind && isIt(record))
}

function ofClient(clientId: string): (record: AuditRecord) => boolean {
  return ({ who }) => who?.['clientid'] === clientId
}

/** In one step: no part of it is read. */
async function replace({ process }: WireBroker, name: string, text: string): Promise<void> {
  await process.writeFile(`${name}.edited`, text)
  await rename(joinPath(process.dir, `${name}.edited`), joinPath(process.dir, name))
}

async function refuse(t: TestContext, broker: WireBroker, fields: ConnectFields): Promise<void> {
  const client = await dial(t, broker, fields.version)
  client.send(connectBytes(fields))
  assert.notEqual((await client.expectConnack()).reasonCode, 0)
  await client.expectClosed()
}

test('audit: start, login and stop, with version, method, address and listener', async t => {
  const broker = await start(t)
  await leave(await join(t, broker, alice))
  const login = await told(broker, 'login')
  assert.deepEqual([login.outcome, login.who], ['done', { username: 'alice', clientid: 'a' }])
  const { port, ...from } = login.from ?? {}
  assert.deepEqual(from, { address: '127.0.0.1', listener: `127.0.0.1:${broker.port}` })
  assert.ok(Number(port) > 0)
  assert.deepEqual(login.what, { method: 'password', protocol: 5, session: 'new' })
  await broker.process.stop()
  const records = recordsOf(pathOf(broker))
  assert.deepEqual(
    records.map(({ kind, outcome }) => `${kind} ${outcome}`),
    ['start done', 'login done', 'stop done'],
  )
  assert.equal(records[0]?.what?.['pid'], records[2]?.what?.['pid'])
  const { head, last, fault } = verifyAudit(pathOf(broker))
  assert.deepEqual([head, fault], [last, undefined], 'a clean end leaves nothing that could be cut off unseen')
})

test('audit: a start that fails says why', async t => {
  const broker = await start(t)
  const config = `listener ${broker.port} 127.0.0.1\naudit_file ${joinPath(broker.process.dir, 'other.jsonl')}\n`
  const path = joinPath(broker.process.dir, 'other.conf')
  await writeFile(path, process.getuid?.() === 0 ? `${config}user root\n` : config)
  await assert.rejects(startBroker(t, { args: ['-c', path] }))
  const [begun, failed] = recordsOf(joinPath(broker.process.dir, 'other.jsonl'))
  assert.deepEqual([begun?.outcome, failed?.kind, failed?.outcome], ['done', 'start', 'failed'])
  assert.match(String(failed?.what?.['error']), /Address already in use/)
})

test('audit: a refusal says the rule, and that the names are only claimed; a secret is nowhere', async t => {
  const broker = await start(t)
  await refuse(t, broker, { ...alice, password: 'wrong-secret' })
  const wrong = await told(broker, 'refusal')
  assert.deepEqual([wrong.outcome, wrong.who], ['refused', { username: 'alice', clientid: 'a', proven: false }])
  assert.match(String(wrong.what?.['rule']), /password/)
  await refuse(t, broker, { clientId: 'evil\u202e\u2028', username: 'x' })
  await told(broker, 'refusal', ofClient('evil\u202e\u2028'))
  await join(t, broker, alice)
  await refuse(t, broker, { ...alice, username: 'admin', password: 'pw' })
  const owner = await told(broker, 'refusal', ({ who }) => who?.['username'] === 'admin')
  assert.deepEqual(owner.who, { username: 'admin', clientid: 'a' }, 'the password was right')
  const text = await readFile(pathOf(broker), 'utf8')
  assert.doesNotMatch(text, /secret|\u202e|\u2028/)
})

test('audit_max_refused_topics: refused topics are told once each, a few, and the others as a number at the end', async t => {
  const broker = await start(t, 'audit_max_refused_topics 3\n')
  const client = await join(t, broker, alice)
  for (let i = 0; i < 50; i++) client.send(publishBytes({ version: 5, topic: 'admin/x', payload: 'p' }))
  for (let i = 0; i < 2; i++) {
    client.send(publishBytes({ version: 5, topic: 'admin/y', qos: 1, packetId: 1 }))
    assert.equal((await client.expectAcknowledgement('PUBACK')).reasonCode, notAuthorized)
  }
  client.send(publishBytes({ version: 5, topic: 'alice/allowed' }))
  client.send(publishBytes({ version: 5, topic: '$CONTROL/broker/v1', payload: '{}' }))
  client.send(publishBytes({ version: 5, topic: 'admin/z' }))
  await settled(client)
  await leave(client)
  await told(broker, 'permission', ({ what }) => what?.['more'] === 51)
  const refused = recordsOf(pathOf(broker)).filter(({ kind }) => kind === 'permission')
  assert.deepEqual(
    refused.map(({ what, outcome, who }) => [what, outcome, who?.['username']]),
    [
      [{ action: 'publish', topic: 'admin/x' }, 'refused', 'alice'],
      [{ action: 'publish', topic: 'admin/y' }, 'refused', 'alice'],
      [{ action: 'publish', topic: '$CONTROL/broker/v1' }, 'refused', 'alice'],
      [{ more: 51 }, 'refused', 'alice'],
    ],
  )
})

test('audit: refused subscriptions, unsubscriptions and wills are told, permitted ones are not', async t => {
  const broker = await startWireBroker(t, `audit_file audit.jsonl\n${pluginLines}`, {
    'dynamic-security.json': initialFile,
  })
  const admin = await Administrator.join(t, broker)
  await admin.do({ command: 'createClient', username: 'u', password: 'u' })
  const will = { topic: 'will/topic', payload: 'w' }
  const client = await join(t, broker, { clientId: 'u', username: 'u', password: 'u', will })
  client.send(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter: 'a/#' }] }))
  assert.deepEqual((await client.expectSuback()).reasonCodes, [notAuthorized])
  await admin.do({
    command: 'setDefaultACLAccess',
    acls: [{ acltype: 'unsubscribe', allow: false }],
  })
  client.send(unsubscribeBytes({ version: 5, packetId: 2, filters: ['b'] }))
  await client.expectPacket('UNSUBACK')
  client.breakOff()
  await told(broker, 'permission', ({ what }) => what?.['action'] === 'will')
  const refused = recordsOf(pathOf(broker)).filter(({ kind }) => kind === 'permission')
  assert.deepEqual(
    refused.map(({ what }) => `${what?.['action']} ${what?.['topic']}`),
    ['subscribe a/#', 'unsubscribe b', 'will will/topic'],
  )
})

test('audit: commands of dynamic security say what was as it was and as it is, refused ones why, and no password', async t => {
  const broker = await startWireBroker(t, `audit_file audit.jsonl\n${pluginLines}`, {
    'dynamic-security.json': initialFile,
  })
  const admin = await Administrator.join(t, broker, { clientId: 'ctl' })
  const acl = { acltype: 'publishClientSend', topic: 'a/#', allow: true, priority: 1 }
  await admin.do({ command: 'createRole', rolename: 'r', acls: [acl] })
  await admin.do({ command: 'createClient', username: 'u', password: 'first-secret' })
  await admin.do({ command: 'addClientRole', username: 'u', rolename: 'r', priority: 3 })
  await admin.do({ command: 'setClientPassword', username: 'u', password: 'next-secret' })
  await admin.do({ command: 'disableClient', username: 'u' })
  await admin.send(
    '{"commands":[{"command":"createClient","username":"u","password":"more-secret"},{"command":"nonsense"},1]}',
  )
  await admin.do({ command: 'removeRoleACL', rolename: 'r', acltype: 'publishClientSend', topic: 'a/#' })
  await admin.do({ command: 'deleteClient', username: 'u' })
  // Written before it is answered: nothing is waited for.
  const records = recordsOf(pathOf(broker)).filter(({ kind }) => kind === 'command')
  const facts = { disabled: false, password: masked, roles: [], groups: [] }
  assert.deepEqual(
    records.map(({ what, outcome, before, after }) => [what?.['command'], outcome, before, after]),
    [
      [
        'createRole',
        'done',
        undefined,
        {
          role: {
            rolename: 'r',
            allowwildcardsubs: true,
            acls: ['publishClientSend allow a/# priority 1'],
            clients: 0,
            groups: 0,
          },
        },
      ],
      ['createClient', 'done', undefined, { client: { username: 'u', ...facts } }],
      [
        'addClientRole',
        'done',
        { role: { clients: 0 } },
        { client: { roles: ['r priority 3'] }, role: { clients: 1 } },
      ],
      ['setClientPassword', 'done', { client: { password: masked } }, { client: { password: masked } }],
      ['disableClient', 'done', { client: { disabled: false } }, { client: { disabled: true } }],
      ['createClient', 'refused', undefined, undefined],
      ['nonsense', 'refused', undefined, undefined],
      ['Unknown command', 'refused', undefined, undefined],
      ['removeRoleACL', 'done', { role: { acls: ['publishClientSend allow a/# priority 1'] } }, undefined],
      [
        'deleteClient',
        'done',
        { client: { username: 'u', ...facts, disabled: true, roles: ['r priority 3'] } },
        undefined,
      ],
    ],
  )
  const [, , , , , again] = records
  assert.deepEqual(again?.what, {
    endpoint: '$CONTROL/dynamic-security/v1',
    command: 'createClient',
    given: { username: 'u', password: masked },
    error: 'Client already exists',
  })
  assert.deepEqual(again?.who, { username: 'admin', clientid: 'ctl' })
  assert.equal(again?.from?.['address'], '127.0.0.1')
  assert.doesNotMatch(await readFile(pathOf(broker), 'utf8'), /secret/)
})

test('audit: bans and disconnections by an administrator, whose command it was and whom it met', async t => {
  const broker = await start(t)
  const ask = (...args: string[]) =>
    runCommand(ctl, ['-p', String(broker.port), '-i', 'ctl', '-u', 'admin', '-P', 'pw', 'broker', ...args])
  const first = await join(t, broker, alice)
  assert.equal((await ask('disconnectClient', 'a', 'maintenance')).code, 0)
  await first.expectDisconnect(administrativeAction)
  const gone = await told(broker, 'disconnect')
  assert.deepEqual([gone.who?.['username'], gone.what?.['text']], ['alice', 'maintenance'])
  const second = await join(t, broker, alice)
  assert.equal((await ask('createBan', 'username', 'alice')).code, 0)
  await second.expectDisconnect(administrativeAction)
  assert.equal((await ask('deleteBan', 'username', 'alice')).code, 0)
  assert.equal((await ask('deleteBan', 'username', 'alice')).code, 3)
  const commands = recordsOf(pathOf(broker)).filter(({ kind }) => kind === 'command')
  assert.deepEqual(
    commands.map(({ what, outcome, before, after }) => [what?.['command'], outcome, before, after]),
    [
      ['disconnectClient', 'done', undefined, undefined],
      ['createBan', 'done', undefined, { ban: { username: 'alice' } }],
      ['deleteBan', 'done', { ban: { username: 'alice' } }, undefined],
      ['deleteBan', 'refused', undefined, undefined],
    ],
  )
  assert.equal(commands[0]?.who?.['username'], 'admin')
})

test('audit: a reload says which options and files have changed, and one that was refused why', async t => {
  const broker = await start(t)
  const config =
    (more: string) =>
    ({ port }: { port: number }) =>
      `listener ${port} 127.0.0.1\n${rules}${more}`
  await broker.process.writeConfig(config('max_keepalive 100\nallow_anonymous true\n'))
  await broker.process.writeFile('acl', `${files.acl}topic read news\n`)
  await broker.process.reload(/Configuration reloaded/)
  const done = await told(broker, 'reload')
  const anonymous = `listener ${broker.port} 127.0.0.1: allow_anonymous`
  assert.deepEqual(done.before, { max_keepalive: 0, [anonymous]: false })
  assert.deepEqual(done.after, { max_keepalive: 100, [anonymous]: true })
  assert.deepEqual(done.what, { files: [joinPath(broker.process.dir, 'broker.conf'), 'acl'] })
  await broker.process.writeConfig(config('max_keepalive many\n'))
  await broker.process.reload(/Nothing was reloaded/)
  const refused = await told(broker, 'reload', ({ outcome }) => outcome === 'refused')
  assert.match(JSON.stringify(refused.what), /max_keepalive/)
})

test('audit: an edit of the file of dynamic security is told, and one that cannot be used why', async t => {
  const config = `audit_file audit.jsonl\n${pluginLines}`
  const broker = await startWireBroker(t, config, { 'dynamic-security.json': initialFile })
  const edited = JSON.parse(initialFile)
  edited.clients.push({ username: 'by-hand' })
  await replace(broker, 'dynamic-security.json', JSON.stringify(edited))
  const done = await told(broker, 'reload')
  assert.deepEqual([done.outcome, done.what?.['files']], ['done', ['dynamic-security.json']])
  assert.equal(Object(done.after).clients, Object(done.before).clients + 1)
  const isTwice = ({ what }: AuditRecord) => JSON.stringify(what).includes('by-hand\\" a second time')
  assert.equal(isTwice(done), false)
  edited.clients.push({ username: 'by-hand' })
  await replace(broker, 'dynamic-security.json', JSON.stringify(edited))
  const { before, after } = await told(broker, 'reload', isTwice)
  assert.deepEqual(after, before)
  await replace(broker, 'dynamic-security.json', '{"clients":1')
  const refused = await told(broker, 'reload', ({ outcome }) => outcome === 'refused')
  assert.match(JSON.stringify(refused.what), /dynamic-security\.json/)
})

test('audit: certificates by serial number and fingerprint, refused at the handshake, revoked while connected', async t => {
  const authority = await Authority.create()
  const server = await authority.issueServer()
  const signer = await ListSigner.create(authority, 'audit')
  const read = (path: string) => readFile(path, 'utf8')
  const tls = 'certfile server.crt\nkeyfile server.key\ncafile ca.crt\ncrlfile crl.pem\nrequire_certificate true\n'
  const broker = await startWireBroker(t, `${tls}use_identity_as_username true\naudit_file audit.jsonl\n`, {
    'server.crt': await read(server.cert),
    'server.key': await read(server.key),
    'ca.crt': await read(authority.ca.cert),
    'crl.pem': await signer.sign(),
  })
  const mallory = await authority.issueClient('mallory')
  const [ca, cert, key] = await Promise.all([authority.ca.cert, mallory.cert, mallory.key].map(path => readFile(path)))
  const connect = () => connectRaw(t, { port: broker.port, tls: { ca: ca!, cert: cert!, key: key! } })
  const client = await connect()
  client.version = 5
  client.send(connectBytes({ clientId: 'm' }))
  assert.equal((await client.expectConnack()).reasonCode, 0)
  const login = await told(broker, 'login')
  const { serial, fingerprint } = Object(login.who?.['certificate'])
  assert.match(`${serial} ${fingerprint}`, /^[0-9A-F]+ [0-9a-f]{64}$/)
  await signer.revoke(mallory, 'keyCompromise')
  await replace(broker, 'crl.pem', await signer.sign())
  await client.expectDisconnect(notAuthorized)
  const revoked = await told(broker, 'revocation', ofClient('m'))
  assert.deepEqual(revoked.who, { username: 'mallory', clientid: 'm', certificate: { serial, fingerprint } })
  assert.match(String(revoked.what?.['text']), /certificate was revoked/)
  const list = await told(broker, 'revocation', ({ what }) => what?.['list'] !== undefined)
  assert.equal(list.what?.['list'], 'crl.pem')
  await connect().catch(() => undefined)
  const refused = await told(broker, 'refusal')
  assert.deepEqual(refused.who, { certificate: { serial, fingerprint }, proven: false })
  assert.match(String(refused.what?.['rule']), /certificate was revoked/)
})

test('audit_failure refuse: while it cannot be written nobody comes in and no command is carried out; continue: both go on', async t => {
  for (const policy of ['refuse', 'continue'] as const) {
    const broker = await start(t, `audit_failure ${policy}\n`)
    const admin = await join(t, broker, { clientId: 'ctl', username: 'admin', password: 'pw' })
    const topic = '$CONTROL/broker/v1'
    admin.send(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter: `${topic}/response` }] }))
    await admin.expectSuback()
    await told(broker, 'login')
    // As somebody else who writes there is: that is no audit any more.
    await appendFile(pathOf(broker), 'foreign\n')
    await refuse(t, broker, { ...alice, password: 'wrong' })
    await broker.process.waitForLine(/Error: The audit cannot be written: somebody else writes to the file/)
    admin.send(publishBytes({ version: 5, topic, payload: '{"commands":[{"command":"listListeners"}]}' }))
    const { payload } = await admin.expectPublish()
    if (policy === 'refuse') {
      assert.equal(payload, '{"error": "the audit cannot be written"}')
      await refuse(t, broker, alice)
    } else {
      assert.match(payload, /"listeners":\[/)
      await join(t, broker, alice)
    }
  }
})

test('audit: killed in the middle of commands and rotations, every command that was answered is in it, and the chain goes on', async t => {
  const config = `audit_file audit.jsonl\naudit_max_file_bytes 65536\naudit_sync_interval 0\n${pluginLines}`
  const broker = await startWireBroker(t, config, { 'dynamic-security.json': initialFile })
  const admin = await Administrator.join(t, broker)
  const rolesAtOnce = 20
  let answered = 0
  const working = (async () => {
    for (;;) {
      const command = (i: number) => ({ command: 'createRole', rolename: `role-${answered + i}` })
      await admin.do(...Array.from({ length: rolesAtOnce }, (_, i) => command(i)))
      answered += rolesAtOnce
      if (answered === 20 * rolesAtOnce) void broker.process.crash()
    }
  })()
  await assert.rejects(working)
  const path = pathOf(broker)
  const commands = new Set(
    recordsOf(path)
      .filter(({ kind }) => kind === 'command')
      .map(({ what }) => Object(what?.['given'])['rolename']),
  )
  for (let i = 0; i < answered; i++) assert.ok(commands.has(`role-${i}`), `role-${i} of ${answered} was answered`)
  assert.ok(verifyAudit(path).files > 2)
  // What a write that was under way would have left.
  await appendFile(path, '{"seq":99,"time":"20')
  const next = await startWireBroker(t, config.replace('audit.jsonl', path), { 'dynamic-security.json': initialFile })
  await next.process.stop()
  assert.equal(verifyAudit(path).fault, undefined)
  const kinds = recordsOf(path).map(({ kind, what }) => what?.['event'] ?? kind)
  assert.deepEqual(kinds.slice(-3), ['torn', 'start', 'stop'])
  assert.equal((await runCommand(auditCommand, ['verify', path])).code, 0)
})

test('audit_file: without it there is none, and nothing is left out but what audit_exclude names', async t => {
  const without = await startWireBroker(t)
  await leave(await join(t, without))
  await assert.rejects(readFile(joinPath(without.process.dir, 'audit.jsonl')), { code: 'ENOENT' })
  const broker = await start(t, 'audit_exclude login\naudit_exclude start\n')
  await leave(await join(t, broker, alice))
  await refuse(t, broker, { ...alice, password: 'wrong' })
  await broker.process.stop()
  assert.deepEqual(
    recordsOf(pathOf(broker)).map(({ kind }) => kind),
    ['refusal', 'stop'],
  )
})
