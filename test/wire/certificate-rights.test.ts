// What the attributes of a certificate give on the running program: roles and groups of dynamic security, and levels of topics in the
// patterns of both kinds of rules.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { Administrator, initialFile, pluginLines, type SentCommand } from '../support/administrator.ts'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { freePort } from '../support/free-port.ts'
import { type ConnectFields, connectBytes, publishBytes } from '../support/packet-bytes.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { startWireBroker, subscribe, unique, type WireBroker } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const administrativeAction = 0x98
const authority = await Authority.create('/O=Plant CA/CN=Test Authority')
const server = await authority.issueServer()
const san = 'subjectAltName=URI:spiffe://plant.example/sensor/7,DNS:sensor-7.plant.example'
const sensor = await authority.issue({ subject: '/O=Plant/OU=Line 1/OU=Line 2/CN=sensor 7', extensions: [san] })
const gateway = await authority.issueClient('/O=Office/CN=gateway')

const mutual =
  'certfile server.crt\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\nallow_anonymous false\n'
const byCertificate = 'use_identity_as_username true\n'

async function tlsFiles(): Promise<Readonly<Record<string, string>>> {
  const read = (path: string) => readFile(path, 'utf8')
  return {
    'server.crt': await read(server.cert),
    'server.key': await read(server.key),
    'ca.crt': await read(authority.ca.cert),
    'dynamic-security.json': initialFile,
  }
}

/** The administrator has a listener of its own, without TLS: the listener with certificates is the first. */
async function start(t: TestContext, options: string, files: Readonly<Record<string, string>> = {}) {
  const plain = await freePort()
  const config = `${pluginLines}${mutual}${options}\nlistener ${plain} 127.0.0.1\n`
  const broker = await startWireBroker(t, config, { ...(await tlsFiles()), ...files })
  return { broker, admin: await Administrator.join(t, { port: plain, process: broker.process }), config }
}

async function dial(
  t: TestContext,
  { port }: WireBroker,
  { cert, key }: CertificateFiles,
  fields: ConnectFields = {},
): Promise<RawClient> {
  const tls = { ca: await readFile(authority.ca.cert), cert: await readFile(cert), key: await readFile(key) }
  const client = await connectRaw(t, { port, tls: { ...tls, servername: 'localhost' } })
  client.send(connectBytes({ clientId: unique('c'), ...fields }))
  return client
}

async function join(...args: Parameters<typeof dial>): Promise<RawClient> {
  const client = await dial(...args)
  assert.equal((await client.expectConnack()).reasonCode, 0)
  return client
}

async function assertRefused(...args: Parameters<typeof dial>): Promise<void> {
  const client = await dial(...args)
  assert.equal((await client.expectConnack()).reasonCode, notAuthorized)
  await client.expectClosed()
}

/** Whether a message on the topic is accepted. */
async function mayPublish(client: RawClient, topic: string): Promise<boolean> {
  client.send(publishBytes({ version: 5, topic, qos: 1, packetId: 1 }))
  return (await client.expectAcknowledgement('PUBACK')).reasonCode !== notAuthorized
}

const role = (rolename: string, ...topics: readonly string[]): SentCommand => ({
  command: 'createRole',
  rolename,
  acls: topics.flatMap(topic =>
    ['publishClientSend', 'subscribePattern'].map(acltype => ({ acltype, topic, allow: true })),
  ),
})

for (const [what, line] of [
  ['a part of the subject', 'certificate_role plant subject.OU=Line 2'],
  ['an alternative name', 'certificate_role plant san.uri=spiffe://plant.example/sensor/*'],
  ['a group', 'certificate_group team san.dns=*.plant.example'],
] as const) {
  test(`features K4: ${what} gives rights to a certificate whose name nobody knows, and lets no other in`, async t => {
    const { admin, broker } = await start(t, `${byCertificate}${line}\n`)
    await assertRefused(t, broker, sensor)
    await admin.do(role('plant', 'plant/#'), {
      command: 'createGroup',
      groupname: 'team',
      roles: [{ rolename: 'plant' }],
    })
    const client = await join(t, broker, sensor)
    assert.deepEqual([await mayPublish(client, 'plant/1'), await mayPublish(client, 'office/1')], [true, false])
    await subscribe(client, 'plant/+')
    await assertRefused(t, broker, gateway)
    await admin.do({ command: 'createClient', username: 'sensor 7', disabled: true })
    await admin.do({ command: 'disableClient', username: 'sensor 7' })
    await client.expectDisconnect(administrativeAction)
    await assertRefused(t, broker, sensor)
  })
}

test('features K4: a role that is not there gives nothing, and the log says so', async t => {
  const { broker } = await start(t, `${byCertificate}certificate_role missing cn=*\n`)
  await assertRefused(t, broker, sensor)
  await broker.process.waitForLine(/Dynamic security: role "missing", which somebody was given, does not exist/)
})

test('features K4: the issuer and the serial number count as well, beside a password', async t => {
  const config = 'certificate_role plant issuer.O=Plant CA\npassword_file pw\n'
  const { admin, broker } = await start(t, config, { pw: passwordLines({ alice: 'pw' }) })
  await admin.do(role('plant', 'plant/#'))
  const client = await join(t, broker, sensor, { username: 'alice', password: 'pw' })
  assert.deepEqual([await mayPublish(client, 'plant/1'), await mayPublish(client, 'x')], [true, false])
  await assertRefused(t, broker, sensor, { username: 'alice', password: 'wrong' })
})

test('features K4: a reload takes a role from those alone who had it by a line that is gone', async t => {
  const lines = 'certificate_role plant subject.O=Plant\ncertificate_role office subject.O=Office\n'
  const { admin, broker, config } = await start(t, `${byCertificate}${lines}`)
  await admin.do(role('plant', 'plant/#'), role('office', 'office/#'))
  const [first, second] = [await join(t, broker, sensor), await join(t, broker, gateway)]
  const text = `listener ${broker.port} 127.0.0.1\n${config.replace('certificate_role plant subject.O=Plant\n', '')}`
  await broker.process.writeConfig(text)
  await broker.process.reload()
  await first.expectDisconnect(administrativeAction)
  await assertRefused(t, broker, sensor)
  assert.equal(await mayPublish(second, 'office/1'), true)
})

test('features K4: a level of a role’s topic stands for what is in the certificate', async t => {
  const { admin, broker } = await start(t, `${byCertificate}certificate_role all subject.O=*\n`)
  await admin.do(role('all', 'in/%{cert.subject.O}/%{cert.cn}', 'of/%{cert.subject.L}'))
  const client = await join(t, broker, sensor)
  for (const [topic, allowed] of [
    ['in/Plant/sensor 7', true],
    ['in/Plant/sensor 8', false],
    ['in/Office/sensor 7', false],
    ['in/%{cert.subject.O}/%{cert.cn}', false],
    ['of/x', false],
    ['of/', false],
  ] as const) {
    assert.equal(await mayPublish(client, topic), allowed, topic)
  }
  await subscribe(client, 'in/Plant/sensor 7')
})

test('features K4: a pattern of an ACL file takes what is in the certificate, and from a name with a slash nothing', async t => {
  const files = { ...(await tlsFiles()), acl: 'pattern readwrite of/%{cert.subject.O}/#\npattern read news/%u\n' }
  const broker = await startWireBroker(t, `${mutual}${byCertificate}acl_file acl\n`, files)
  const client = await join(t, broker, sensor)
  for (const [topic, allowed] of [
    ['of/Plant/1', true],
    ['of/Office/1', false],
    ['of/%{cert.subject.O}/1', false],
    ['news/sensor 7', false],
  ] as const) {
    assert.equal(await mayPublish(client, topic), allowed, topic)
  }
  const slash = await authority.issueClient('/O=Plant\\/Office/CN=x')
  const other = await join(t, broker, slash)
  for (const topic of ['of/Plant/Office/1', 'of/Plant/1']) assert.equal(await mayPublish(other, topic), false, topic)
})

test('features K4: a variable that names no attribute keeps the file from being used', async t => {
  const files = { ...(await tlsFiles()), acl: 'pattern readwrite of/%{cert.nothing}/#\n' }
  await assert.rejects(startWireBroker(t, `${mutual}${byCertificate}acl_file acl\n`, files), /%\{cert\.nothing\}/)
})
