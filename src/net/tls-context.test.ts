import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { throwawayPki } from '../../test/support/authority.ts'
import { runProgram } from '../../test/support/line-process.ts'
import { startListener } from '../../test/support/net-listener.ts'
import { type Log, silentLog } from '../base/log.ts'
import { loadTlsOptions, type TlsSettings } from './tls-context.ts'
import { readTrustStore } from './trust-store.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-tls-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const pki = await throwawayPki()
const good: TlsSettings = {
  certfile: pki.server.cert,
  keyfile: pki.server.key,
  cafile: pki.authority.ca.cert,
  capath: undefined,
  tls_version: 'tlsv1.2',
  ciphers: undefined,
  'ciphers_tls1.3': undefined,
  tls_groups: undefined,
  require_certificate: true,
  request_certificate: false,
}
const load = (changed: Partial<TlsSettings>, log: Log = silentLog) => loadTlsOptions({ ...good, ...changed }, log)

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function warnings(changed: Partial<TlsSettings>): string[] {
  const lines: string[] = []
  load(changed, { enabled: () => true, write: (type, line) => lines.push(`${type}: ${line}`) })
  return lines
}

test('good settings: server preference, no renegotiation, only the named authority is trusted', () => {
  const options = load({})
  assert.equal(options.honorCipherOrder, true)
  assert.equal(options.minVersion, 'TLSv1.2')
  assert.deepEqual(options.ca, [readFileSync(pki.authority.ca.cert, 'latin1').trimEnd()])
})

test('without cafile and capath nobody is trusted, least of all the public authorities', () => {
  assert.deepEqual(load({ cafile: undefined }).ca, [])
  assert.deepEqual(load({ require_certificate: false }).ca, [])
})

const broken: readonly (readonly [string, Partial<TlsSettings>, string, RegExp])[] = [
  [
    'no certificate file',
    { certfile: '/none.crt' },
    'Error: Unable to load server certificate "/none.crt". Check certfile.',
    /^no such file or directory$/,
  ],
  [
    'two paths on one line',
    { certfile: '/a.crt /b.crt' },
    'Error: Unable to load server certificate "/a.crt /b.crt". Check certfile.',
    /one certificate per listener: client certificates do not belong on the broker/,
  ],
  [
    "a key in the certificate's place",
    { certfile: pki.server.key },
    `Error: Unable to load server certificate "${pki.server.key}". Check certfile.`,
    /no PEM certificate/,
  ],
  [
    'no key file',
    { keyfile: '/none.key' },
    'Error: Unable to load server key file "/none.key". Check keyfile.',
    /^no such file or directory$/,
  ],
  [
    "a certificate in the key's place",
    { keyfile: pki.server.cert },
    `Error: Unable to load server key file "${pki.server.cert}". Check keyfile.`,
    /no PEM private key/,
  ],
  [
    "another certificate's key",
    { keyfile: pki.client.key },
    `Error: Unable to load server key file "${pki.client.key}". Check keyfile.`,
    /does not belong to the certificate/,
  ],
  [
    'no authority file',
    { cafile: '/none.crt' },
    'Error: Unable to load CA certificates. Check cafile "/none.crt".',
    /no such file/,
  ],
  [
    'an authority file without certificate',
    { cafile: pki.server.key },
    `Error: Unable to load CA certificates. Check cafile "${pki.server.key}".`,
    /no PEM certificate/,
  ],
  [
    'no authority directory',
    { capath: '/none' },
    'Error: Unable to load CA certificates. Check capath "/none".',
    /no such file/,
  ],
  [
    'a version that is no more',
    { tls_version: 'tlsv1.1' },
    'Error: Unsupported tls_version "tlsv1.1".',
    /tlsv1\.2 and tlsv1\.3/,
  ],
  [
    'an unknown cipher',
    { ciphers: 'NONESUCH' },
    'Error: Unable to set TLS ciphers. Check ciphers list "NONESUCH".',
    /openssl ciphers/,
  ],
  [
    'a TLS 1.2 cipher for 1.3',
    { 'ciphers_tls1.3': 'ECDHE-RSA-AES128-GCM-SHA256' },
    'Error: Unable to set TLS ciphers. Check ciphers_tls1.3 list "ECDHE-RSA-AES128-GCM-SHA256".',
    /openssl ciphers/,
  ],
  [
    'an unknown TLS 1.3 cipher',
    { 'ciphers_tls1.3': 'TLS_NONESUCH' },
    'Error: Unable to set TLS ciphers. Check ciphers_tls1.3 list "TLS_NONESUCH".',
    /openssl ciphers/,
  ],
  [
    'an unknown TLS 1.3 cipher beside good ones for 1.2',
    { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', 'ciphers_tls1.3': 'TLS_NONESUCH' },
    'Error: Unable to set TLS ciphers. Check ciphers_tls1.3 list "TLS_NONESUCH".',
    /openssl ciphers/,
  ],
  [
    'an unknown cipher beside good ones for 1.3',
    { ciphers: 'NONESUCH', 'ciphers_tls1.3': 'TLS_AES_256_GCM_SHA384' },
    'Error: Unable to set TLS ciphers. Check ciphers list "NONESUCH".',
    /openssl ciphers/,
  ],
]

for (const [what, changed, message, hint] of broken) {
  test(`features C1: ${what}: Mosquitto's error, and a hint`, () => {
    assert.throws(() => load(changed), { code: 'ERR_NET_TLS_SETTINGS', message, hint })
  })
}

test('features C1: an encrypted key has no passphrase here, and the hint says so', () => {
  const keyfile = join(dir, 'encrypted.key')
  execFileSync('openssl', ['pkey', '-in', pki.server.key, '-aes256', '-passout', 'pass:secret', '-out', keyfile])
  assert.throws(() => load({ keyfile }), {
    message: `Error: Unable to load server key file "${keyfile}". Check keyfile.`,
    hint: /the key is encrypted/,
  })
})

test("features C1: a client certificate in the server's place loads, as in Mosquitto, with a warning", async () => {
  const { cert, key } = await pki.authority.issue({ subject: 'user2', extensions: ['extendedKeyUsage=clientAuth'] })
  const [line] = warnings({ certfile: cert, keyfile: key })
  assert.match(line ?? '', /^warning: Warning: Certificate ".*" is not for servers/)
  assert.deepEqual(warnings({}), [])
})

test('a key that everybody may read is named in a warning', () => {
  const keyfile = file('open.key', readFileSync(pki.server.key, 'utf8'))
  chmodSync(keyfile, 0o644)
  assert.deepEqual(warnings({ keyfile }), [
    `warning: Warning: File ${keyfile} has world readable permissions. Future versions will refuse to load this file.`,
  ])
})

test('features A7: a client that only knows DHE gets in, as the default list offers', async t => {
  const { cert, key } = await pki.authority.issue({ subject: 'localhost', keys: 'rsa' })
  const server = await startListener(t, { certfile: cert, keyfile: key })
  const suite = 'DHE-RSA-AES128-GCM-SHA256'
  const address = `127.0.0.1:${server.listener.port}`
  const { lines } = await runProgram(t, 'openssl', ['s_client', '-connect', address, '-tls1_2', '-cipher', suite])
  assert.ok(lines.includes(`New, TLSv1.2, Cipher is ${suite}`), lines.join('\n'))
  const strength = lines.map(line => /Server Temp Key: DH, (\d+) bits/.exec(line)?.[1]).find(bits => bits !== undefined)
  assert.ok(Number(strength) >= 2048, `${strength} bits`)
})

test('features C1: the chain behind the certificate in certfile is kept', () => {
  const chain = readFileSync(pki.server.cert, 'utf8') + readFileSync(pki.authority.ca.cert, 'utf8')
  assert.equal(load({ certfile: file('chain.crt', chain) }).cert, chain)
})

test('cafile: a bundle counts with each of its certificates, text between them does not matter', () => {
  const [own, strange] = [pki.authority.ca.cert, pki.stranger.ca.cert].map(path => readFileSync(path, 'utf8'))
  const cafile = file('bundle.crt', `# ours\n${own}\n# theirs\n${strange}${own}`)
  assert.equal(readTrustStore({ cafile, capath: undefined }, silentLog).length, 2)
})

test('cafile: one certificate that does not decode refuses the whole file', () => {
  const cafile = file(
    'torn.crt',
    `${readFileSync(pki.authority.ca.cert, 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
  )
  assert.throws(() => readTrustStore({ cafile, capath: undefined }, silentLog), {
    hint: /certificate 2 of 2 in the file does not/,
  })
})

test('features C8: capath takes hashed links and plain .crt and .pem files, each certificate once, and nothing else', () => {
  const capath = mkdtempSync(join(dir, 'capath-'))
  copyFileSync(pki.authority.ca.cert, join(capath, 'own.pem'))
  symlinkSync('own.pem', join(capath, '0123abcd.0'))
  symlinkSync('gone.pem', join(capath, '89abcdef.0'))
  copyFileSync(pki.stranger.ca.cert, join(capath, 'strange.crt.disabled'))
  writeFileSync(join(capath, 'notes.pem'), 'no certificate')
  assert.equal(readTrustStore({ cafile: undefined, capath }, silentLog).length, 1)
  copyFileSync(pki.stranger.ca.cert, join(capath, 'strange.crt'))
  assert.equal(readTrustStore({ cafile: undefined, capath }, silentLog).length, 2)
  assert.equal(readTrustStore({ cafile: pki.authority.ca.cert, capath }, silentLog).length, 2)
})

test('features C8: what of capath is not trusted is named in a warning each, and the rest is trusted', () => {
  const capath = mkdtempSync(join(dir, 'torn-'))
  const whole = readFileSync(pki.authority.ca.cert, 'utf8')
  writeFileSync(join(capath, 'a.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  writeFileSync(join(capath, 'b.pem'), whole.slice(0, -20))
  writeFileSync(join(capath, 'c.crt'), Buffer.from('308201', 'hex'))
  symlinkSync('gone.pem', join(capath, '89abcdef.0'))
  writeFileSync(join(capath, 'good.pem'), whole)
  const lines: string[] = []
  const log: Log = { enabled: () => true, write: (type, line) => lines.push(`${type}: ${line}`) }
  assert.equal(readTrustStore({ cafile: undefined, capath }, log).length, 1)
  assert.deepEqual(lines, [
    `warning: Warning: "${capath}/89abcdef.0" of capath is not trusted: no such file or directory.`,
    `warning: Warning: "${capath}/a.pem" of capath is not trusted: certificate 1 of 1 in it does not decode.`,
    `warning: Warning: "${capath}/b.pem" of capath is not trusted: it holds no PEM certificate.`,
    `warning: Warning: "${capath}/c.crt" of capath is not trusted: it holds no PEM certificate.`,
  ])
})

test('features C8: a capath without any certificate is refused', () => {
  const capath = mkdtempSync(join(dir, 'empty-'))
  assert.throws(() => readTrustStore({ cafile: undefined, capath }, silentLog), {
    message: `Error: Unable to load CA certificates. Check capath "${capath}".`,
  })
})
