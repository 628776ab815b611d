// Behind Debian's HAProxy, which speaks the PROXY protocol as its authors mean it: whose address counts, and whose certificate, when
// TLS ends at the load balancer.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import test, { before, type TestContext } from 'node:test'
import { type CertificateFiles, throwawayPki } from '../support/authority.ts'
import { type BrokerProcess, startBroker } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { connectBytes } from '../support/packet-bytes.ts'
import { connectRaw, type RawClient } from '../support/raw-client.ts'
import { fileScope } from './shared-broker.ts'

const pki = await throwawayPki()
const server = await pki.authority.issueServer()
const ca = await readFile(pki.authority.ca.cert)
const clientAddress = '127.0.0.2'

/** By what HAProxy sends: the port of the broker behind it, and its own. */
const kinds = ['send-proxy', 'send-proxy-v2', 'send-proxy-v2-ssl-cn'] as const
type Kind = (typeof kinds)[number]
const behind = {} as Record<Kind, number>
const front = {} as Record<Kind, number>

let broker: BrokerProcess
const starting = start(fileScope())
before(async () => {
  broker = await starting
})

async function start(t: Pick<TestContext, 'after'>): Promise<BrokerProcess> {
  for (const kind of kinds) {
    behind[kind] = await freePort()
    front[kind] = await freePort()
  }
  const started = await startBroker(t, {
    config: ({ port }) =>
      [
        `listener ${port} 127.0.0.1`,
        'listener_allow_anonymous true',
        `listener ${behind['send-proxy']} 127.0.0.1`,
        'enable_proxy_protocol 1',
        'listener_allow_anonymous true',
        `listener ${behind['send-proxy-v2']} 127.0.0.1`,
        'enable_proxy_protocol 2',
        'listener_allow_anonymous true',
        `listener ${behind['send-proxy-v2-ssl-cn']} 127.0.0.1`,
        'enable_proxy_protocol 2',
        'proxy_protocol_v2_require_tls true',
        'require_certificate true',
        'use_identity_as_username true',
      ].join('\n'),
  })
  const pem = join(pki.authority.dir, 'haproxy.pem')
  await writeFile(pem, (await readFile(server.cert, 'latin1')) + (await readFile(server.key, 'latin1')), {
    mode: 0o600,
  })
  const tls = `ssl crt ${pem} ca-file ${pki.authority.ca.cert} verify optional crt-ignore-err all ca-ignore-err all`
  const proxies = kinds.map(
    kind => `listen ${kind}
  bind 127.0.0.1:${front[kind]} ${kind === 'send-proxy-v2-ssl-cn' ? tls : ''}
  server broker 127.0.0.1:${behind[kind]} ${kind}`,
  )
  const defaults = 'defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s'
  const file = join(pki.authority.dir, 'haproxy.cfg')
  await writeFile(file, `${[defaults, ...proxies].join('\n')}\n`)
  const haproxy = startProgram(t, '/usr/sbin/haproxy', ['-db', '-f', file])
  while (!(await listens(front['send-proxy-v2-ssl-cn']))) {
    assert.equal(haproxy.ended, undefined, haproxy.report())
  }
  return started
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function enter(t: TestContext, port: number, clientId: string, files?: CertificateFiles | 'none') {
  const own =
    files === undefined || files === 'none' ? {} : { cert: await readFile(files.cert), key: await readFile(files.key) }
  const tls = files === undefined ? {} : { tls: { ca, servername: 'localhost', ...own } }
  const client = await connectRaw(t, { port, localAddress: clientAddress, ...tls })
  client.send(connectBytes({ version: 5, clientId }))
  return client
}

const accepted = async (client: RawClient) => assert.equal((await client.expectConnack()).reasonCode, 0)

for (const kind of ['send-proxy', 'send-proxy-v2'] as const) {
  test(`${kind}: the client's address is the client's, not the load balancer's`, async t => {
    await accepted(await enter(t, front[kind], kind))
    await broker.waitForLine(new RegExp(`New connection from 127\\.0\\.0\\.2:\\d+ on port ${behind[kind]}\\.$`))
    await broker.waitForLine(new RegExp(`New client connected from 127\\.0\\.0\\.2:\\d+ as ${kind} `))
  })

  test(`${kind}: whoever comes without the load balancer is refused`, async t => {
    const from = broker.lines.length
    const client = await enter(t, behind[kind], 'directly')
    await broker.waitForLine(/refused: no right PROXY header \(enable_proxy_protocol\)\.$/, from)
    assert.equal(await client.packetOrEnd(), undefined)
  })
}

test('send-proxy-v2-ssl-cn: the name of the certificate that the load balancer has verified is the user', async t => {
  await accepted(await enter(t, front['send-proxy-v2-ssl-cn'], 'named', pki.client))
  await broker.waitForLine(/New client connected from 127\.0\.0\.2:\d+ as named \(.*u'user1'/)
})

for (const [who, files] of [
  ['no certificate', 'none'],
  ['one of an authority that the load balancer does not know', pki.strangersClient],
] as const) {
  test(`send-proxy-v2-ssl-cn: ${who} is no way in`, async t => {
    const from = broker.lines.length
    const client = await enter(t, front['send-proxy-v2-ssl-cn'], 'nobody', files)
    await broker.waitForLine(/rejected, client did not show a certificate that the load balancer has verified\.$/, from)
    assert.equal(await client.packetOrEnd(), undefined)
  })
}
