// A throwaway certificate authority made with the real openssl, by the commands that guides tell people to type
// (`req -x509`, `req -new`, `x509 -req`), so that the product meets certificates as others make them.

import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args)

/** `rsa` makes keys as large as the guides do, and takes seconds; `ec` is for tests that do not care. */
export type KeyKind = 'ec' | 'rsa'

/** Absolute paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface LeafRequest {
  /** `CN`, or a whole subject that begins with `/`. */
  readonly subject: string
  readonly keys?: KeyKind
  /** Lines of an OpenSSL extension section; without them the certificate is X.509 v1, as the guides' are. */
  readonly extensions?: readonly string[]
  /** `YYYYMMDDHHMMSSZ`, both or neither; without them 30 days from now. */
  readonly validity?: { readonly notBefore: string; readonly notAfter: string }
}

/** One authority and what it issues; each file's name follows the first word of the subject's last part. */
export class Authority {
  readonly dir: string
  readonly ca: CertificateFiles
  #issued = 0

  private constructor(dir: string) {
    this.dir = dir
    this.ca = { cert: join(dir, 'ca.crt'), key: join(dir, 'ca.key') }
  }

  /** Makes a self-signed authority in a directory of its own, removed when the process ends. */
  static async create(subject = '/CN=Test Authority', keys: KeyKind = 'ec'): Promise<Authority> {
    const authority = new Authority(await mkdtemp(join(tmpdir(), 'castellan-authority-')))
    removeAtExit(authority.dir)
    const { cert, key } = authority.ca
    await openssl(
      'req',
      '-nodes',
      '-x509',
      ...newKey(keys, 4096),
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '356',
      '-subj',
      subject,
    )
    return authority
  }

  /** A server certificate for localhost and the loopback addresses. */
  issueServer(subject = 'localhost'): Promise<CertificateFiles> {
    const extensions = ['subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1', 'extendedKeyUsage=serverAuth']
    return this.issue({ subject, extensions })
  }

  /** A client certificate by the guides' recipe: a CN, and no extensions. */
  issueClient(subject: string, keys: KeyKind = 'ec'): Promise<CertificateFiles> {
    return this.issue({ subject, keys })
  }

  /** Key, certificate signing request, certificate. */
  issue(request: LeafRequest): Promise<CertificateFiles> {
    return this.issueFrom(this.ca, request)
  }

  /** As `issue`, by an authority that this one has issued. */
  async issueFrom(issuer: CertificateFiles, request: LeafRequest): Promise<CertificateFiles> {
    this.#issued += 1
    const base = join(this.dir, `leaf-${this.#issued}`)
    const files = { cert: `${base}.crt`, key: `${base}.key` }
    const subject = request.subject.startsWith('/') ? request.subject : `/CN=${request.subject}`
    const csr = `${base}.csr`
    await openssl(
      'req',
      '-new',
      ...newKey(request.keys ?? 'ec', 2048),
      '-nodes',
      '-keyout',
      files.key,
      '-out',
      csr,
      '-subj',
      subject,
    )
    const section = await this.#extensionFile(base, request.extensions)
    if (request.validity) await this.#signBetween(csr, files.cert, request.validity, section)
    else {
      const extensions = section === undefined ? [] : ['-extfile', section]
      const { cert, key } = issuer
      await openssl(
        'x509',
        '-req',
        '-CAkey',
        key,
        '-CA',
        cert,
        '-CAcreateserial',
        '-in',
        csr,
        '-out',
        files.cert,
        ...extensions,
      )
    }
    return files
  }

  async #extensionFile(base: string, lines: readonly string[] | undefined): Promise<string | undefined> {
    if (lines === undefined) return undefined
    await writeFile(`${base}.ext`, `${lines.join('\n')}\n`)
    return `${base}.ext`
  }

  /** `openssl x509` cannot set both dates; `openssl ca` can, and wants a database. */
  async #signBetween(
    csr: string,
    out: string,
    validity: NonNullable<LeafRequest['validity']>,
    section?: string,
  ): Promise<void> {
    const config = `${csr}.cnf`
    await writeFile(`${csr}.db`, '')
    await writeFile(config, databaseConfig(csr))
    const { cert, key } = this.ca
    const dates = ['-startdate', validity.notBefore, '-enddate', validity.notAfter]
    const extensions = section === undefined ? [] : ['-extfile', section]
    const files = ['-cert', cert, '-keyfile', key, '-in', csr, '-out', out, '-outdir', this.dir]
    await openssl('ca', '-batch', '-notext', '-config', config, ...files, ...dates, ...extensions)
  }
}

const toRemove: string[] = []

/** Also when the test runner ends the process before its tests are done: a signal alone fires no `exit`. */
function removeAtExit(dir: string): void {
  toRemove.push(dir)
  if (toRemove.length > 1) return
  process.once('exit', () => {
    for (const made of toRemove) rmSync(made, { recursive: true, force: true })
  })
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}

/** What most TLS tests need, made once per test process. */
export interface ThrowawayPki {
  readonly authority: Authority
  /** An authority that nothing here trusts. */
  readonly stranger: Authority
  readonly server: CertificateFiles
  /** CN `user1`. */
  readonly client: CertificateFiles
  /** CN `user1` again, issued by the stranger. */
  readonly strangersClient: CertificateFiles
  readonly expiredClient: CertificateFiles
  readonly notYetValidClient: CertificateFiles
}

let made: Promise<ThrowawayPki> | undefined

/** The same files for every test of one process. */
export function throwawayPki(): Promise<ThrowawayPki> {
  made ??= makePki()
  return made
}

async function makePki(): Promise<ThrowawayPki> {
  const authority = await Authority.create()
  const stranger = await Authority.create('/CN=Unrelated Authority')
  const expired = { notBefore: '20200101000000Z', notAfter: '20210101000000Z' }
  const future = { notBefore: '20480101000000Z', notAfter: '20490101000000Z' }
  return {
    authority,
    stranger,
    server: await authority.issueServer(),
    client: await authority.issueClient('user1'),
    strangersClient: await stranger.issueClient('user1'),
    expiredClient: await authority.issue({ subject: 'expired', validity: expired }),
    notYetValidClient: await authority.issue({ subject: 'early', validity: future }),
  }
}

function newKey(keys: KeyKind, rsaBits: number): string[] {
  return keys === 'rsa' ? ['-newkey', `rsa:${rsaBits}`] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
}

function databaseConfig(csr: string): string {
  return [
    '[ca]',
    'default_ca = this',
    '[this]',
    `database = ${csr}.db`,
    'default_md = sha256',
    'policy = any',
    'unique_subject = no',
    'rand_serial = yes',
    '[any]',
    'commonName = supplied',
    '',
  ].join('\n')
}
