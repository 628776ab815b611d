import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { before, type TestContext, test } from 'node:test'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { promisify } from 'node:util'
import { Authority, type CertificateFiles, type ThrowawayPki, throwawayPki } from '../../test/support/authority.ts'
import { freePort } from '../../test/support/free-port.ts'
import { startProgram } from '../../test/support/line-process.ts'
import { ListSigner } from '../../test/support/revocations.ts'
import { BridgeLines } from '../config/bridge-lines.ts'
import { Dialer } from './dial.ts'
import { dialFault } from './dial-fault.ts'
import { BridgeError } from './errors.ts'
import { type BridgeSettings, bridgesOf } from './options.ts'

const openssl = promisify(execFile)
const dayMs = 24 * 60 * 60 * 1000
const psk = '0102030405060708090a0b0c0d0e0f10'
const [defaults] = bridgesOf([new BridgeLines('link')]) as [BridgeSettings]

let pki: ThrowawayPki
/** For `localhost` and the loopback addresses. */
let cafile: string
before(async () => {
  pki = await throwawayPki()
  cafile = pki.authority.ca.cert
})

interface Attempt {
  readonly port: number
  readonly host?: string
  readonly settings?: Partial<BridgeSettings>
  readonly signal?: AbortSignal
}

function start(now = () => Date.now()) {
  const lines: string[] = []
  const dialer = new Dialer({
    log: { enabled: () => true, write: (type, line) => void lines.push(`${type}: ${line}`) },
    wallClock: now,
  })
  const dial = async (t: TestContext, { port, host = '127.0.0.1', settings, signal }: Attempt) => {
    const none = new AbortController().signal
    const stream = await dialer.dial({ host, port }, { ...defaults, ...settings }, signal ?? none)
    t.after(() => stream.destroy())
    return stream
  }
  return { dialer, dial, lines }
}

async function refused(t: TestContext, attempt: Attempt, why: RegExp, now?: () => number): Promise<void> {
  await assert.rejects(start(now).dial(t, attempt), error => {
    assert(error instanceof BridgeError, String(error))
    assert.match(error.message, why)
    return true
  })
}

async function listen(t: TestContext, server: Server, address = '127.0.0.1'): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', socket => {
    socket.on('error', () => {})
    open.add(socket)
  })
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, address, resolve))
  return (server.address() as AddressInfo).port
}

/** Answers whoever has come through the handshake with a word. */
async function tlsServer(t: TestContext, options: TlsOptions, greet = (_: TLSSocket) => 'welcome'): Promise<number> {
  const server = createTlsServer(options, socket => {
    socket.on('error', () => {})
    socket.write(greet(socket))
  })
  return listen(t, server)
}

async function serverOptions({ cert, key }: CertificateFiles): Promise<TlsOptions> {
  return { cert: await readFile(cert), key: await readFile(key) }
}

async function greeting(stream: Duplex): Promise<string> {
  for await (const chunk of stream as AsyncIterable<Buffer>) return String(chunk)
  return ''
}

test('conf §5 address: without TLS options the stream is plain TCP; nobody there is told as such', async t => {
  const port = await listen(
    t,
    createServer(socket => socket.end('plain')),
  )
  assert.equal(await greeting(await start().dial(t, { port })), 'plain')
  await refused(t, { port: await freePort() }, /^connection refused$/)
})

test('conf §5 bridge_bind_address: the connection comes from there', async t => {
  const server = createServer(socket => socket.end(String(socket.remoteAddress)))
  const port = await listen(t, server)
  assert.equal(
    await greeting(await start().dial(t, { port, settings: { bridge_bind_address: '127.0.0.9' } })),
    '127.0.0.9',
  )
  await refused(
    t,
    { port, settings: { bridge_bind_address: '192.0.2.1' } },
    /^cannot assign requested address$|^address not available$/,
  )
})

test('conf §5 bridge_tcp_keepalive: the system probes the connection, and not without it', {
  skip: process.platform !== 'linux' && 'needs /proc/net/tcp',
}, async t => {
  const port = await listen(t, createServer())
  await start().dial(t, { port })
  assert.equal(await timerOfConnectionTo(port), '00')
  const kept = await listen(t, createServer())
  await start().dial(t, { port: kept, settings: { bridge_tcp_keepalive: { idle: 600, interval: 5, count: 3 } } })
  assert.equal(await timerOfConnectionTo(kept), '02')
})

/** As proc(5) numbers them: 02 is that of keep alive. A connection is 01; one that is over may have had the same port. */
async function timerOfConnectionTo(port: number): Promise<string | undefined> {
  const remote = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map(row => row.trim().split(/\s+/))
  return rows.find(([, , to, state]) => state === '01' && to?.endsWith(`:${remote}`))?.[5]?.slice(0, 2)
}

test('conf §5 address: an IPv6 address', async t => {
  const port = await listen(
    t,
    createServer(socket => socket.end('six')),
    '::1',
  )
  assert.equal(await greeting(await start().dial(t, { port, host: '::1' })), 'six')
})

test('RFC 6066 §3: the other broker is told which name is wanted of it, and no address', async t => {
  const port = await tlsServer(t, await serverOptions(pki.server), ({ servername }) => `name: ${servername}`)
  const settings = { bridge_cafile: cafile }
  assert.equal(await greeting(await start().dial(t, { port, host: 'localhost', settings })), 'name: localhost')
  assert.equal(await greeting(await start().dial(t, { port, settings })), 'name: false')
})

test('whoever gives up is let go, and so is the connection', async t => {
  const accepted = Promise.withResolvers<Socket>()
  const port = await listen(
    t,
    createServer(socket => accepted.resolve(socket)),
  )
  const giveUp = new AbortController()
  const dialing = start().dial(t, { port, settings: { bridge_cafile: cafile }, signal: giveUp.signal })
  const socket = await accepted.promise
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.resume()
  giveUp.abort()
  await assert.rejects(dialing, BridgeError)
  await closed
})

test('conf §5 bridge_cafile: whom its authority has issued is trusted, for his names alone', async t => {
  const port = await tlsServer(t, await serverOptions(pki.server))
  const settings = { bridge_cafile: cafile }
  assert.equal(await greeting(await start().dial(t, { port, settings })), 'welcome')
  assert.equal(await greeting(await start().dial(t, { port, host: 'localhost', settings })), 'welcome')
  await refused(t, { port, settings: { bridge_cafile: pki.stranger.ca.cert } }, /issued by an unknown authority/)
  const named = await pki.authority.issue({ subject: 'other', extensions: ['subjectAltName=DNS:other.example'] })
  await refused(t, { port: await tlsServer(t, await serverOptions(named)), settings }, /not for this name/)
  await refused(
    t,
    {
      port: await listen(
        t,
        createServer(socket => socket.end('plain')),
      ),
      settings,
    },
    /what came is not TLS/,
  )
})

test('conf §5 bridge_capath: the authorities of a directory are trusted', async t => {
  const port = await tlsServer(t, await serverOptions(pki.server))
  const trusted = join(pki.authority.dir, 'trusted')
  await mkdir(trusted)
  await refused(
    t,
    { port, settings: { bridge_capath: trusted } },
    /^Error: Unable to load CA certificates, check bridge_capath ".*trusted": no \.crt/,
  )
  await copyFile(pki.stranger.ca.cert, join(trusted, 'stranger.crt'))
  await refused(t, { port, settings: { bridge_capath: trusted } }, /issued by an unknown authority/)
  await copyFile(cafile, join(trusted, 'own.crt'))
  assert.equal(await greeting(await start().dial(t, { port, settings: { bridge_capath: trusted } })), 'welcome')
})

test('conf §5 bridge_tls_use_os_certs: the authorities of the system are trusted, and not without it', async t => {
  const empty = join(pki.authority.dir, 'empty')
  await mkdir(empty)
  // Where OpenSSL looks for them; read when they are needed for the first time.
  for (const [name, value] of Object.entries({ SSL_CERT_FILE: cafile, SSL_CERT_DIR: empty })) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before
    })
  }
  const port = await tlsServer(t, await serverOptions(pki.server))
  assert.equal(await greeting(await start().dial(t, { port, settings: { bridge_tls_use_os_certs: true } })), 'welcome')
  const settings = { bridge_cafile: pki.stranger.ca.cert, bridge_tls_use_os_certs: false }
  await refused(t, { port, settings }, /issued by an unknown authority/)
})

test('conf §5 bridge_insecure: the name is not looked at, the chain is', async t => {
  const named = await pki.authority.issue({ subject: 'other', extensions: ['subjectAltName=DNS:other.example'] })
  const port = await tlsServer(t, await serverOptions(named))
  const settings = { bridge_cafile: cafile, bridge_insecure: true }
  assert.equal(await greeting(await start().dial(t, { port, settings })), 'welcome')
  await refused(
    t,
    { port, settings: { ...settings, bridge_cafile: pki.stranger.ca.cert } },
    /issued by an unknown authority/,
  )
})

test('a certificate of the other broker that is out of its time, or for clients, is refused', async t => {
  const settings = { bridge_cafile: cafile, bridge_insecure: true }
  const expired = await tlsServer(t, await serverOptions(pki.expiredClient))
  await refused(t, { port: expired, settings }, /has expired/)
  const forClients = await pki.authority.issue({ subject: 'c', extensions: ['extendedKeyUsage=clientAuth'] })
  await refused(t, { port: await tlsServer(t, await serverOptions(forClients)), settings }, /not for servers/)
})

test('conf §5 bridge_certfile: it is shown, and a renewed one is used by the next connection', async t => {
  const options = { ...(await serverOptions(pki.server)), ca: await readFile(cafile), requestCert: true }
  const port = await tlsServer(t, options, socket => String(socket.getPeerCertificate().subject.CN))
  const dir = pki.authority.dir
  const [bridge_certfile, bridge_keyfile] = [join(dir, 'shown.crt'), join(dir, 'shown.key')]
  const settings = { bridge_cafile: cafile, bridge_certfile, bridge_keyfile }
  for (const name of ['first', 'renewed']) {
    const files = await pki.authority.issueClient(name)
    await copyFile(files.cert, bridge_certfile)
    await copyFile(files.key, bridge_keyfile)
    assert.equal(await greeting(await start().dial(t, { port, settings })), name)
  }
  await copyFile(pki.client.key, bridge_keyfile)
  await refused(
    t,
    { port, settings },
    /^Error: Unable to load client key file, check bridge_keyfile ".*": the key does not belong to/,
  )
  await refused(
    t,
    { port, settings: { ...settings, bridge_certfile: '/nowhere' } },
    /^Error: Unable to load client certificate, check bridge_certfile "\/nowhere": no such file or directory\.$/,
  )
  await refused(
    t,
    { port, settings: { bridge_cafile: '/nowhere' } },
    /^Error: Unable to load CA certificates, check bridge_cafile "\/nowhere": no such file or directory\.$/,
  )
})

test('conf §5 bridge_keyfile: one that everybody may read is used, and the log warns', async t => {
  const port = await tlsServer(t, await serverOptions(pki.server))
  const key = join(pki.authority.dir, 'open.key')
  await copyFile(pki.client.key, key)
  const settings = { bridge_cafile: cafile, bridge_certfile: pki.client.cert, bridge_keyfile: key }
  for (const [mode, warnings] of [
    [0o600, []],
    [
      0o644,
      [`warning: Warning: File ${key} has world readable permissions. Future versions will refuse to load this file.`],
    ],
  ] as const) {
    await chmod(key, mode)
    const { dial, lines } = start()
    await dial(t, { port, settings })
    await dial(t, { port, settings })
    assert.deepEqual(lines, warnings, 'once, however often it connects')
  }
})

test('conf §5 bridge_tls_version, bridge_ciphers, bridge_alpn: what is offered is what is set', async t => {
  const told = (socket: TLSSocket) => [socket.getProtocol(), socket.getCipher().name, socket.alpnProtocol].join(' ')
  const options = { ...(await serverOptions(pki.server)), ALPNProtocols: ['mqtt'] }
  const port = await tlsServer(t, options, told)
  const base = { bridge_cafile: cafile, bridge_alpn: 'mqtt' }
  const modern = { ...base, 'bridge_ciphers_tls1.3': 'TLS_CHACHA20_POLY1305_SHA256' }
  assert.equal(
    await greeting(await start().dial(t, { port, settings: modern })),
    'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 mqtt',
  )
  const old = await tlsServer(t, { ...options, maxVersion: 'TLSv1.2' }, told)
  const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384'
  const settings = { ...base, bridge_ciphers: cipher }
  assert.equal(await greeting(await start().dial(t, { port: old, settings })), `TLSv1.2 ${cipher} mqtt`)
  await refused(t, { port: old, settings: { ...base, bridge_tls_version: 'tlsv1.3' } }, /version of TLS/)
  await refused(
    t,
    { port, settings: { ...base, bridge_ciphers: 'NONE-SUCH' } },
    /Check bridge_ciphers list "NONE-SUCH"/,
  )
})

test('conf §5 bridge_psk: both sides have the key, or there is no connection', async t => {
  const options: TlsOptions = {
    ciphers: 'PSK',
    maxVersion: 'TLSv1.2',
    pskCallback: (_, identity) => (identity === 'this' ? Buffer.from(psk, 'hex') : null),
  }
  const port = await tlsServer(t, options)
  const settings = { bridge_identity: 'this', bridge_psk: psk }
  assert.equal(await greeting(await start().dial(t, { port, settings })), 'welcome')
  await refused(t, { port, settings: { ...settings, bridge_psk: 'ff'.repeat(16) } }, /./)
  await refused(t, { port, settings: { ...settings, bridge_identity: 'other' } }, /./)
  const certificate = await tlsServer(t, { ...(await serverOptions(pki.server)), maxVersion: 'TLSv1.2' })
  await refused(
    t,
    { port: certificate, settings: { ...settings, bridge_ciphers: 'PSK:ECDHE-ECDSA-AES256-GCM-SHA384' } },
    /./,
  )
})

test('conf §5: options that contradict each other, or protect nothing, are refused', () => {
  for (const [settings, why] of [
    [{ bridge_bind_address: 'eth0' }, "Error: bridge_bind_address 'eth0' is not an IP address."],
    [{ bridge_identity: 'a' }, 'Error: Invalid bridge configuration: missing bridge_psk.'],
    [{ bridge_psk: psk }, 'Error: Invalid bridge configuration: missing bridge_identity.'],
    [
      { bridge_identity: 'a', bridge_psk: psk, bridge_cafile: 'ca' },
      'Error: Cannot use both certificate and psk encryption in a single bridge.',
    ],
    [{ bridge_cafile: 'ca', bridge_certfile: 'c' }, /Both bridge_certfile and bridge_keyfile/],
    [{ bridge_certfile: 'c', bridge_keyfile: 'k' }, /bridge_certfile needs bridge_cafile/],
    [{ bridge_require_ocsp: true }, /bridge_require_ocsp needs bridge_cafile/],
    [{ bridge_crlfile: 'l' }, /bridge_crlfile needs bridge_cafile/],
    [{ bridge_identity: 'a', bridge_psk: '0x12' }, /bridge_psk contains non-hexadecimal characters/],
    [{ bridge_cafile: 'ca', bridge_tls_version: 'tlsv1.1' }, /Unsupported bridge_tls_version "tlsv1\.1"/],
    [{ bridge_identity: 'a', bridge_psk: psk, bridge_tls_version: 'tlsv1.3' }, /need TLS 1\.2/],
  ] as const) {
    const fault = dialFault({ ...defaults, ...settings }) ?? ''
    if (typeof why === 'string') assert.equal(fault, why)
    else assert.match(fault, why)
  }
  for (const settings of [
    {},
    { bridge_identity: 'a', bridge_psk: psk },
    { bridge_cafile: 'ca', bridge_certfile: 'c', bridge_keyfile: 'k', bridge_require_ocsp: true, bridge_crlfile: 'l' },
    { bridge_tls_use_os_certs: true },
    { bridge_bind_address: '::1', bridge_tcp_keepalive: { idle: 1, interval: 1, count: 1 } },
  ])
    assert.equal(dialFault({ ...defaults, ...settings }), undefined)
})

/** openssl's own server, which staples what it is given. */
async function stapling(
  t: TestContext,
  { cert, key }: CertificateFiles,
  staple?: string,
  chain?: string,
): Promise<number> {
  const port = await freePort()
  const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', cert, '-key', key]
  if (staple !== undefined) args.push('-status_file', staple)
  if (chain !== undefined) args.push('-cert_chain', chain)
  const program = startProgram(t, 'openssl', args)
  await program.waitForLine(/^ACCEPT/)
  return port
}

/** As openssl's responder answers, for a day. */
async function answerAbout(
  { cert }: CertificateFiles,
  { database }: ListSigner,
  signer = pki.authority,
): Promise<string> {
  const out = `${cert}.${signer === pki.authority ? 'own' : 'foreign'}.ocsp`
  const by = ['-rsigner', signer.ca.cert, '-rkey', signer.ca.key]
  const about = ['-CA', cafile, '-issuer', cafile, '-cert', cert]
  await openssl('openssl', ['ocsp', '-index', database, ...about, ...by, '-respout', out, '-ndays', '1', '-noverify'])
  return out
}

test('conf §5 bridge_require_ocsp: a good, fresh and rightly signed stapled answer lets the other broker pass', async t => {
  const signer = await ListSigner.create(pki.authority, 'staples')
  const server = await pki.authority.issueServer()
  await signer.know(server)
  const good = await answerAbout(server, signer)
  const settings = { bridge_cafile: cafile, bridge_require_ocsp: true }
  const port = await stapling(t, server, good)
  // openssl's server serves one at a time.
  const pass = async (attempt: Attempt) => (await start().dial(t, attempt)).destroy()
  await pass({ port, settings })
  await refused(t, { port, settings }, /OCSP answer does not count: it is out of date/, () => Date.now() + 2 * dayMs)
  const bare = await stapling(t, server)
  await refused(t, { port: bare, settings }, /without the OCSP answer that bridge_require_ocsp demands/)
  await pass({ port: bare, settings: { bridge_cafile: cafile } })
  const foreign = await answerAbout(server, signer, pki.stranger)
  const forged = await stapling(t, server, foreign)
  await refused(t, { port: forged, settings }, /not signed by the issuer/)
  const other = await pki.authority.issueServer('other')
  const borrowing = await stapling(t, other, good)
  await refused(t, { port: borrowing, settings }, /not about the certificate/)
  const unknown = await stapling(t, other, await answerAbout(other, signer))
  await refused(t, { port: unknown, settings }, /the OCSP responder does not know the certificate/)
  await signer.revoke(server, 'keyCompromise')
  const revoked = await stapling(t, server, await answerAbout(server, signer))
  await refused(t, { port: revoked, settings }, /certificate was revoked \(key compromise, by OCSP\)/)
})

test('bridge_crlfile: who is on the list is refused, and who comes onto it while connected has to go', async t => {
  const signer = await ListSigner.create(pki.authority, 'bridge')
  const server = await pki.authority.issueServer()
  const port = await tlsServer(t, await serverOptions(server))
  const bridge_crlfile = join(pki.authority.dir, 'bridge.crl')
  const settings = { bridge_cafile: cafile, bridge_crlfile }
  await refused(
    t,
    { port, settings },
    /^Error: Unable to load certificate revocation file ".*", check bridge_crlfile: no such file/,
  )
  await writeFile(bridge_crlfile, await signer.sign())
  const { dial, dialer } = start()
  const stream = await dial(t, { port, settings })
  assert.equal(await greeting(await dial(t, { port, settings })), 'welcome')
  const gone = new Promise<Error>(resolve => stream.once('error', resolve))
  await signer.revoke(server, 'superseded')
  await writeFile(bridge_crlfile, await signer.sign())
  const ticks = setInterval(() => dialer.advance(performance.now()), 20)
  t.after(() => clearInterval(ticks))
  assert.match((await gone).message, /certificate was revoked \(superseded\)/)
  await refused(t, { port, settings }, /certificate was revoked \(superseded\)/)
})

test('bridge_crlfile: without a list of its authority, or with one that ended long ago, nobody is believed', async t => {
  const signer = await ListSigner.create(pki.authority, 'ending')
  const port = await tlsServer(t, await serverOptions(pki.server))
  const bridge_crlfile = join(pki.authority.dir, 'ending.crl')
  const settings = { bridge_cafile: cafile, bridge_crlfile }
  await writeFile(bridge_crlfile, await signer.sign())
  await start(() => Date.now() + 13 * dayMs).dial(t, { port, settings })
  await refused(
    t,
    { port, settings },
    /the revocation list of its authority has expired/,
    () => Date.now() + 15 * dayMs,
  )
  const other = await Authority.create('/CN=Another')
  await writeFile(bridge_crlfile, await (await ListSigner.create(other, 'other')).sign())
  await refused(t, { port, settings }, /there is no revocation list of its authority/)
})

test('bridge_crlfile: a revoked authority below the trusted one takes with it what it has issued', async t => {
  const signer = await ListSigner.create(pki.authority, 'above')
  const between = await pki.authority.issue({
    subject: 'Between',
    extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=keyCertSign,cRLSign'],
  })
  const extensions = ['subjectAltName=IP:127.0.0.1']
  const leaf = await pki.authority.issueFrom(between, { subject: 'leaf', extensions })
  const cert = Buffer.concat([await readFile(leaf.cert), await readFile(between.cert)])
  const port = await tlsServer(t, { cert, key: await readFile(leaf.key) })
  const below = await listOf(between, 'between')
  const bridge_crlfile = join(pki.authority.dir, 'above.crl')
  const settings = { bridge_cafile: cafile, bridge_crlfile }
  await writeFile(bridge_crlfile, (await signer.sign()) + below)
  await start().dial(t, { port, settings })
  await signer.revoke(between, 'CACompromise')
  await writeFile(bridge_crlfile, (await signer.sign()) + below)
  await refused(t, { port, settings }, /an authority above it was revoked \(CA compromise\)/)
})

/** An empty list of an authority below. */
async function listOf(ca: CertificateFiles, name: string): Promise<string> {
  const signer = await ListSigner.create({ dir: pki.authority.dir, ca } as Authority, name)
  return signer.sign()
}
