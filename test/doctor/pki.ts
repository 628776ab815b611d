// The certificates, keys and lists of the doctor's fixtures, made by the real openssl, once per process.

import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Authority, type CertificateFiles } from '../support/authority.ts'

const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args)

let made: Promise<string> | undefined

/** A directory of files: `ca.crt`, `server.crt`, `server.key`, …; the keys of authorities are in `keys/`. */
export function doctorPki(): Promise<string> {
  made ??= makePki()
  return made
}

const server = ['subjectAltName=DNS:localhost,IP:127.0.0.1', 'extendedKeyUsage=serverAuth']

const leaves: Readonly<Record<string, readonly string[]>> = {
  client: ['extendedKeyUsage=clientAuth'],
  both: ['subjectAltName=DNS:localhost,IP:127.0.0.1', 'extendedKeyUsage=serverAuth,clientAuth'],
  anything: ['subjectAltName=DNS:localhost', 'basicConstraints=CA:false'],
  nameless: ['extendedKeyUsage=serverAuth'],
  'address-as-name': ['subjectAltName=DNS:127.0.0.1', 'extendedKeyUsage=serverAuth'],
}

async function makePki(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-doctor-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, 'keys'))
  mkdirSync(join(dir, 'devices'))
  const authority = await Authority.create()
  const stranger = await Authority.create('/CN=Unrelated Authority')
  copyFileSync(authority.ca.cert, join(dir, 'ca.crt'))
  copyFileSync(authority.ca.cert, join(dir, 'keys/ca.crt'))
  copyFileSync(authority.ca.key, join(dir, 'keys/ca.key'))
  keep(dir, 'server', await authority.issue({ subject: 'localhost', extensions: server }))
  for (const [name, extensions] of Object.entries(leaves)) {
    // Beside `server.crt` they would be what D15 and D39 look for.
    keep(join(dir, 'devices'), name, await authority.issue({ subject: name, extensions }))
  }
  copyFileSync(authority.ca.cert, join(dir, 'devices/ca.crt'))
  const validity = { notBefore: '20200101000000Z', notAfter: '20400101000000Z' }
  keep(dir, 'long', await authority.issue({ subject: 'localhost', extensions: server, validity }))
  await weak(dir, authority)
  await chain(dir, authority)
  await lists(dir, authority, stranger)
  await openssl(
    'pkey',
    '-in',
    join(dir, 'server.key'),
    '-aes256',
    '-passout',
    'pass:secret',
    '-out',
    join(dir, 'locked.key'),
  )
  await openssl(
    'pkey',
    '-in',
    authority.ca.key,
    '-aes256',
    '-passout',
    'pass:secret',
    '-out',
    join(dir, 'keys/locked.key'),
  )
  await bundle(dir)
  return dir
}

function keep(dir: string, name: string, { cert, key }: CertificateFiles): void {
  copyFileSync(cert, join(dir, `${name}.crt`))
  copyFileSync(key, join(dir, `${name}.key`))
}

/** A short key, and a signature with SHA-1. */
async function weak(dir: string, { ca }: Authority): Promise<void> {
  const extensions = join(dir, 'weak.ext')
  writeFileSync(extensions, `${server.join('\n')}\n`)
  for (const [name, bits, digest] of [
    ['short', '1024', '-sha256'],
    ['sha1', '2048', '-sha1'],
  ] as const) {
    const [key, csr, cert] = ['key', 'csr', 'crt'].map(end => join(dir, `${name}.${end}`)) as [string, string, string]
    await openssl(
      'req',
      '-new',
      '-newkey',
      `rsa:${bits}`,
      '-nodes',
      '-keyout',
      key,
      '-out',
      csr,
      '-subj',
      '/CN=localhost',
    )
    const signer = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-extfile', extensions]
    await openssl('x509', '-req', digest, '-in', csr, ...signer, '-out', cert)
  }
}

/** A server certificate of an issuing authority below the root, without and with that one behind it. */
async function chain(dir: string, authority: Authority): Promise<void> {
  const extensions = ['basicConstraints=critical,CA:true', 'keyUsage=keyCertSign,cRLSign']
  const issuing = await authority.issue({ subject: 'Issuing Authority', extensions })
  const leaf = await authority.issueFrom(issuing, { subject: 'localhost', extensions: server })
  mkdirSync(join(dir, 'chain'))
  const at = (name: string) => join(dir, 'chain', name)
  keep(join(dir, 'chain'), 'leaf', leaf)
  copyFileSync(issuing.cert, at('issuing.crt'))
  concatenate(at('whole.crt'), leaf.cert, issuing.cert)
  concatenate(at('authorities.crt'), issuing.cert, authority.ca.cert)
}

function concatenate(out: string, ...files: readonly string[]): void {
  writeFileSync(out, files.map(file => readFileSync(file, 'utf8')).join(''))
}

/** `week.crl`, `day.crl`, `foreign.crl` of an authority that nobody here trusts, and `all.crl` with that and the first. */
async function lists(dir: string, authority: Authority, stranger: Authority): Promise<void> {
  const sign = async ({ ca, dir: place }: Authority, name: string, days: string) => {
    const config = join(place, `${name}.cnf`)
    writeFileSync(join(place, `${name}.db`), '')
    const lines = [
      '[ca]',
      'default_ca = this',
      '[this]',
      `database = ${join(place, `${name}.db`)}`,
      'default_md = sha256',
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    const signer = ['-config', config, '-cert', ca.cert, '-keyfile', ca.key]
    await openssl('ca', '-gencrl', ...signer, '-crldays', days, '-out', join(dir, name))
  }
  await sign(authority, 'week.crl', '7')
  await sign(authority, 'day.crl', '1')
  await sign(stranger, 'foreign.crl', '7')
  concatenate(join(dir, 'all.crl'), join(dir, 'foreign.crl'), join(dir, 'week.crl'))
}

/** As many authorities as no listener needs. */
async function bundle(dir: string): Promise<void> {
  const made: string[] = []
  for (let number = 1; number <= 9; number++) {
    const { ca } = await Authority.create(`/CN=Authority ${number}`)
    made.push(ca.cert)
  }
  concatenate(join(dir, 'many.pem'), ...made)
}
