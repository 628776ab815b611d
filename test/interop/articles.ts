// The files that the guides have their readers make: authorities and certificates by the commands as printed, and the
// configuration blocks with their paths and ports moved to where a test may write and listen.

import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { copyFile, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

type Scope = Pick<TestContext, 'after'>

/** Absolute paths of what `certificates` made. */
export interface ArticleFiles {
  /** Holds `certs/` and what else the guides keep in /etc/mosquitto. */
  readonly dir: string
  readonly certs: string
}

let made: Promise<ArticleFiles> | undefined

/** Made once per process, because RSA keys of 4096 bits take their time. */
export function articleFiles(t: Scope): Promise<ArticleFiles> {
  made ??= makeFiles(t)
  return made
}

/** A block as printed in a guide, for a broker of this test. */
export function moved(block: string, files: ArticleFiles, port: number, otherPort = port): string {
  return block
    .replaceAll(/\b8883\b/g, String(port))
    .replaceAll(/\b8884\b/g, String(otherPort))
    .replaceAll('/etc/mosquitto', files.dir)
    .replaceAll('/path/to', files.dir)
    .replaceAll(/ \/certs\//g, ` ${files.certs}/`)
    .replaceAll(' /my-ca-certs/', ` ${files.certs}/`)
}

async function makeFiles(t: Scope): Promise<ArticleFiles> {
  const dir = await mkdtemp(join(tmpdir(), 'castellan-articles-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const certs = join(dir, 'certs')
  await shell(t, dir, 'mkdir certs')
  await Promise.all([byPrintedCommands(t, certs), byScript(t, certs), strangers(t, certs)])
  for (const name of ['server', 'RP3-CSB']) {
    await copyFile(join(certs, 'hostname.crt'), join(certs, `${name}.crt`))
    await copyFile(join(certs, 'hostname.key'), join(certs, `${name}.key`))
  }
  const passwords = 'for file in passwd_mqtt pwfile credentials; do mosquitto_passwd -b -c $file user1 secret; done'
  await shell(t, dir, `${passwords}; mosquitto_passwd -b credentials cedalo cedaloisawesome`)
  return { dir, certs }
}

/**
 * The guide on authentication and authorization, command by command; `openssl req -x509` asks for a name, and Enter answers. Makes
 * the authority `my-ca`, the client `demo-client`, and `tls` for the broker.
 */
export async function byPrintedCommands(t: Scope, certs: string): Promise<void> {
  const authority = `openssl req -nodes -x509 -newkey rsa:4096 \\
-keyout my-ca-key.pem -out my-ca.crt \\
-days 356`
  await shell(t, certs, authority, '\n'.repeat(7))
  const request = `openssl req -new -newkey rsa:2048 -nodes \\
-keyout demo-client-key.pem -out demo-client.csr \\
-subj "/CN=demo-client"`
  const sign = `openssl x509 -req -CAkey my-ca-key.pem -CA my-ca.crt \\
-CAcreateserial -in demo-client.csr -out demo-client.crt`
  for (const command of [request, sign]) {
    await shell(t, certs, command)
    await shell(
      t,
      certs,
      command
        .replaceAll('demo-client-key.pem', 'tls.key')
        .replaceAll('demo-client.csr', 'tls.csr')
        .replaceAll('demo-client.crt', 'tls.crt')
        .replaceAll('CN=demo-client', 'CN=localhost'),
    )
  }
}

/** The guide on client certificates calls `gen_CA.sh` and `gen_CA.sh client user1`: their openssl calls, shorter keys. */
async function byScript(t: Scope, certs: string): Promise<void> {
  const name = '/CN=An MQTT broker/O=OwnTracks.org/OU=generate-CA/emailAddress=nobody@example.net'
  await shell(
    t,
    certs,
    `openssl req -newkey rsa:2048 -x509 -nodes -sha512 -days 3650 -extensions v3_ca -keyout ca.key -out ca.crt -subj '${name}'`,
  )
  await signedByScript(t, certs, 'hostname', `${name.replace('An MQTT broker', 'localhost')}`, [
    'basicConstraints=critical,CA:false',
    'nsCertType=server',
    'keyUsage=nonRepudiation,digitalSignature,keyEncipherment',
    'extendedKeyUsage=serverAuth',
    'nsComment="Broker Certificate"',
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid,issuer:always',
    'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost',
  ])
  await signedByScript(t, certs, 'user1', '/CN=user1', [
    'basicConstraints=critical,CA:false',
    'extendedKeyUsage=clientAuth,emailProtection',
    'subjectKeyIdentifier=hash',
    'authorityKeyIdentifier=keyid,issuer:always',
  ])
}

async function signedByScript(
  t: Scope,
  certs: string,
  file: string,
  subject: string,
  extensions: readonly string[],
): Promise<void> {
  await writeFile(join(certs, `${file}.ext`), `${extensions.join('\n')}\n`)
  await shell(t, certs, `openssl genrsa -out ${file}.key 2048`)
  await shell(t, certs, `openssl req -new -sha512 -out ${file}.csr -key ${file}.key -subj '${subject}'`)
  const signer = '-CA ca.crt -CAkey ca.key -CAserial ca.srl -CAcreateserial'
  await shell(
    t,
    certs,
    `openssl x509 -req -sha512 -days 825 -in ${file}.csr ${signer} -out ${file}.crt -extfile ${file}.ext`,
  )
}

/** A `user1` of an authority that no broker here trusts. */
async function strangers(t: Scope, certs: string): Promise<void> {
  await shell(
    t,
    certs,
    'openssl req -newkey rsa:2048 -x509 -nodes -days 10 -keyout other-ca.key -out other-ca.crt -subj /CN=Other',
  )
  await shell(t, certs, 'openssl req -newkey rsa:2048 -nodes -keyout stranger.key -out stranger.csr -subj /CN=user1')
  await shell(
    t,
    certs,
    'openssl x509 -req -CA other-ca.crt -CAkey other-ca.key -CAcreateserial -in stranger.csr -out stranger.crt',
  )
}

/** Without a limit of time: how long two primes take is chance, and other tests run beside this one. */
async function shell(t: Scope, cwd: string, command: string, input = ''): Promise<void> {
  const run = promisify(execFile)('sh', ['-c', command], { cwd })
  t.after(() => run.child.kill())
  // Most commands read nothing, and have ended by then.
  run.child.stdin?.on('error', () => {}).end(input)
  await run
}
