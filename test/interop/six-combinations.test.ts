// The six ways to say who comes in and what they may do (features G11), each with those who are let in, those who are refused, and
// those who may do nothing, by the same files beside Debian's Mosquitto.

import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { initialFile, pluginLines } from '../support/administrator.ts'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { type BrokerKind, type BrokerProcess, both, startEither } from '../support/broker-process.ts'
import { type ConnectFields, connectBytes, publishBytes, subscribeBytes } from '../support/packet-bytes.ts'
import { readAcknowledgement, readConnack, readPublish } from '../support/packet-reader.ts'
import { passwordLines } from '../support/password-lines.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { drain, unique } from '../support/wire-broker.ts'

const notAuthorized = 0x87
const authority = await Authority.create()
const stranger = await Authority.create('/CN=Another Authority')
const server = await authority.issueServer()
const certificates = {
  alice: await authority.issueClient('alice'),
  bob: await authority.issueClient('bob'),
  carol: await authority.issueClient('carol'),
  dave: await authority.issueClient('dave'),
  forged: await stranger.issueClient('alice'),
}

/** Who comes, with what. */
interface Who extends Pick<ConnectFields, 'username' | 'password'> {
  readonly certificate?: CertificateFiles
}

interface Combination {
  readonly sentence: string
  readonly config: string
  readonly files: Readonly<Record<string, string>>
  /** May read and write `own/#`, and write `box/#`. */
  readonly admitted: Who
  /** Comes in, and may do nothing. */
  readonly powerless: Who
  readonly refused: readonly Who[]
  /** Whom Mosquitto lets in. */
  readonly refusedHere?: readonly Who[]
  readonly usesTls?: true
}

const named = (username: string, password = 'pw') => ({ username, password })
const passwords = passwordLines({ alice: 'pw', bob: 'pw' })
const guesses = [named('alice', 'wrong'), named('nobody'), named('alice', ''), {}]

const rights = 'topic readwrite own/#\ntopic write box/#\n'
const aliceRights = `user alice\n${rights}`

const acl = (acltype: string, topic: string) => ({ acltype, topic, allow: true })
const role = {
  rolename: 'r',
  acls: [
    acl('publishClientSend', 'own/#'),
    acl('publishClientSend', 'box/#'),
    acl('publishClientReceive', 'own/#'),
    acl('subscribePattern', '#'),
  ],
}
const nothing = { publishClientSend: false, publishClientReceive: false, subscribe: false, unsubscribe: false }

/** The file of dynamic security with these users and groups beside `admin`. */
function securityFile(clients: readonly object[], more: object = {}): string {
  const initial = JSON.parse(initialFile)
  return JSON.stringify({
    ...initial,
    clients: [...initial.clients, ...clients],
    roles: [...initial.roles, role],
    defaultACLAccess: nothing,
    ...more,
  })
}

function user(username: string, more: object = {}) {
  const salt = Buffer.from('salt of test')
  const password = pbkdf2Sync('pw', salt, 101, 64, 'sha512').toString('base64')
  return { username, password, salt: salt.toString('base64'), iterations: 101, ...more }
}

const withRole = { roles: [{ rolename: 'r' }] }
const mutual = 'certfile server.crt\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\n'
const closed = 'allow_anonymous false\n'
const noCertificates = [{}, { certificate: certificates.forged }]

const combinations: readonly Combination[] = [
  {
    sentence: '(1) no authentication and an ACL file',
    config: 'allow_anonymous true\nacl_file acl\n',
    files: { acl: rights },
    admitted: {},
    powerless: named('alice'),
    refused: [],
  },
  {
    sentence: '(2) no authentication and the anonymous group',
    config: `${pluginLines}allow_anonymous true\n`,
    files: {
      'dynamic-security.json': securityFile([user('bob')], {
        groups: [{ groupname: 'anyone', ...withRole, clients: [] }],
        anonymousGroup: 'anyone',
      }),
    },
    admitted: {},
    powerless: named('bob'),
    refused: [named('bob', 'wrong'), named('nobody')],
  },
  {
    sentence: '(3) a password file and an ACL file',
    config: `${closed}password_file pw\nacl_file acl\n`,
    files: { pw: passwords, acl: aliceRights },
    admitted: named('alice'),
    powerless: named('bob'),
    refused: guesses,
  },
  {
    sentence: '(4) dynamic security for both',
    config: `${pluginLines}${closed}`,
    files: { 'dynamic-security.json': securityFile([user('alice', withRole), user('bob')]) },
    admitted: named('alice'),
    powerless: named('bob'),
    refused: guesses,
  },
  {
    sentence: '(5) a password and a certificate',
    config: `${mutual}${closed}password_file pw\nacl_file acl\n`,
    files: { pw: passwords, acl: aliceRights },
    usesTls: true,
    // Whose certificate it is does not matter: certificate_username_match is what ties the two.
    admitted: { ...named('alice'), certificate: certificates.bob },
    powerless: { ...named('bob'), certificate: certificates.alice },
    refused: [
      named('alice'),
      { ...named('alice'), certificate: certificates.forged },
      ...guesses.map(guess => ({ ...guess, certificate: certificates.alice })),
    ],
  },
  {
    sentence: '(6) the name of a certificate and an ACL file',
    config: `${mutual}${closed}use_identity_as_username true\nacl_file acl\n`,
    files: { acl: aliceRights },
    usesTls: true,
    admitted: { ...named('bob', 'not looked at'), certificate: certificates.alice },
    powerless: { ...named('alice'), certificate: certificates.bob },
    refused: [...noCertificates, named('alice')],
  },
  {
    sentence: '(6) the name of a certificate and dynamic security',
    config: `${pluginLines}${mutual}${closed}use_identity_as_username true\n`,
    files: {
      'dynamic-security.json': securityFile([
        { username: 'alice', ...withRole },
        { username: 'bob' },
        { username: 'carol', disabled: true, ...withRole },
      ]),
    },
    usesTls: true,
    admitted: { certificate: certificates.alice },
    powerless: { certificate: certificates.bob },
    refused: [...noCertificates, named('admin', 'adminpw')],
    refusedHere: [{ certificate: certificates.carol }, { certificate: certificates.dave }],
  },
]

for (const kind of both) {
  for (const combination of combinations) {
    test(`features G11 ${combination.sentence}, on ${kind}: who is let in to what, and who is not`, async t => {
      const broker = await start(t, kind, combination)
      const { admitted, powerless, refused, refusedHere = [] } = combination
      assert.deepEqual(await outcomes(await join(t, broker, combination, admitted)), {
        'own/1': 'written and read',
        'box/1': 'written',
        'other/1': 'refused',
      })
      assert.deepEqual(await outcomes(await join(t, broker, combination, powerless)), {
        'own/1': 'refused',
        'box/1': 'refused',
        'other/1': 'refused',
      })
      for (const who of refused) await assertRefused(t, broker, combination, who)
      for (const who of refusedHere) {
        if (kind === 'castellan') await assertRefused(t, broker, combination, who)
        else await join(t, broker, combination, who)
      }
    })
  }
}

async function start(t: TestContext, kind: BrokerKind, { config, files }: Combination): Promise<BrokerProcess> {
  const [cert, key, ca] = await Promise.all(
    [server.cert, server.key, authority.ca.cert].map(path => readFile(path, 'utf8')),
  )
  return startEither(t, kind, {
    config: ({ port }) => `listener ${port} 127.0.0.1\n${config}`,
    files: { ...files, 'server.crt': cert!, 'server.key': key!, 'ca.crt': ca! },
  })
}

async function dial(
  t: TestContext,
  { port }: BrokerProcess,
  { usesTls }: Combination,
  { certificate, username, password }: Who,
): Promise<RawClient> {
  const ca = await readFile(authority.ca.cert)
  const own = certificate && { cert: await readFile(certificate.cert), key: await readFile(certificate.key) }
  const client = await connectRaw(t, { port, ...(usesTls && { tls: { ca, servername: 'localhost', ...own } }) })
  client.send(
    connectBytes({
      clientId: unique('c'),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    }),
  )
  return client
}

async function join(t: TestContext, broker: BrokerProcess, by: Combination, who: Who): Promise<RawClient> {
  const client = await dial(t, broker, by, who)
  assert.equal((await client.expectConnack()).reasonCode, 0, broker.lines.slice(-3).join('\n'))
  return client
}

/** By CONNACK, or in the handshake: where TLS 1.3 tells a client without a certificate depends on who is faster. */
async function assertRefused(t: TestContext, broker: BrokerProcess, by: Combination, who: Who): Promise<void> {
  const client = await dial(t, broker, by, who).catch(() => undefined)
  const packet = await client?.packetOrEnd()
  if (packet === undefined) {
    assert.equal(by.usesTls, true, 'without TLS there is a CONNACK')
    return
  }
  const { reasonCode } = readConnack(packet, 5)
  assert.ok(reasonCode >= 0x80, `${JSON.stringify({ ...who, certificate: who.certificate?.cert })} was let in`)
}

/** What comes of a message on each topic, sent by a client that asks to have it back. */
async function outcomes(client: RawClient): Promise<Readonly<Record<string, string>>> {
  const topics = ['own/1', 'box/1', 'other/1']
  const subscriptions = topics.map(filter => ({ filter }))
  client.send(subscribeBytes({ version: 5, packetId: 1, subscriptions }))
  await client.expectSuback()
  for (const [index, topic] of topics.entries()) {
    client.send(publishBytes({ version: 5, topic, payload: 'x', qos: 1, packetId: index + 1 }))
  }
  const read = new Set<string>()
  const refused = new Set<string>()
  for (let answered = 0; answered < topics.length; ) {
    const packet = await client.nextPacket('PUBACK or PUBLISH')
    if (packet.name === 'PUBLISH') {
      read.add(readPublish(packet, 5).topic)
      continue
    }
    const { packetId, reasonCode } = readAcknowledgement(packet)
    if (reasonCode >= 0x80) assert.equal(reasonCode, notAuthorized)
    if (reasonCode >= 0x80) refused.add(topics[packetId - 1]!)
    answered++
  }
  for (const { topic } of await drain(client)) read.add(topic)
  const outcome = (topic: string) => {
    if (refused.has(topic)) return 'refused'
    return read.has(topic) ? 'written and read' : 'written'
  }
  return Object.fromEntries(topics.map(topic => [topic, outcome(topic)]))
}
