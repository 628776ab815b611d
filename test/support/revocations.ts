// Revocation lists of a throwaway authority, signed by the real openssl with the database that `openssl ca` keeps.

import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Authority, CertificateFiles } from './authority.ts'

const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args)

export interface ListRequest {
  /** `YYMMDDHHMMSSZ`, both or neither; without them a week from now. */
  readonly between?: readonly [lastUpdate: string, nextUpdate: string]
  /** Of the list; one more than the last without it. */
  readonly number?: number
  /** A delta list on top of this number. */
  readonly deltaBase?: number
}

export class ListSigner {
  readonly #authority: Authority
  readonly #base: string
  #number = 0

  private constructor(authority: Authority, name: string) {
    this.#authority = authority
    this.#base = join(authority.dir, `revocations-${name}`)
  }

  /** One that has revoked nothing yet. */
  static async create(authority: Authority, name = 'all'): Promise<ListSigner> {
    const signer = new ListSigner(authority, name)
    await writeFile(`${signer.#base}.db`, '')
    return signer
  }

  /** @param reason as openssl calls it: `keyCompromise`, `superseded`, … */
  async revoke({ cert }: CertificateFiles, reason = 'unspecified'): Promise<void> {
    await this.#configure()
    await this.#ca('-revoke', cert, '-crl_reason', reason)
  }

  /** In the form of openssl's index.txt, which `openssl ocsp` answers from. */
  get database(): string {
    return `${this.#base}.db`
  }

  /** The database knows the certificate, as one that is good. */
  async know({ cert }: CertificateFiles): Promise<void> {
    await this.#configure()
    await this.#ca('-valid', cert)
  }

  /** Nothing is revoked any more. */
  async forgive(): Promise<void> {
    await writeFile(`${this.#base}.db`, '')
  }

  /** @returns PEM */
  async sign({ between, number = this.#number + 1, deltaBase }: ListRequest = {}): Promise<string> {
    this.#number = number
    await this.#configure(deltaBase)
    const hex = number.toString(16).toUpperCase()
    await writeFile(`${this.#base}.number`, `${hex.length % 2 === 0 ? hex : `0${hex}`}\n`)
    const out = `${this.#base}.pem`
    const dates =
      between === undefined ? ['-crldays', '7'] : ['-crl_lastupdate', between[0], '-crl_nextupdate', between[1]]
    await this.#ca('-gencrl', '-out', out, ...dates)
    return readFile(out, 'utf8')
  }

  async #ca(...args: readonly string[]): Promise<void> {
    const { cert, key } = this.#authority.ca
    await openssl('ca', '-config', `${this.#base}.cnf`, '-cert', cert, '-keyfile', key, ...args)
  }

  async #configure(deltaBase?: number): Promise<void> {
    const delta = deltaBase === undefined ? [] : [`2.5.29.27=critical,ASN1:INTEGER:${deltaBase}`]
    const lines = [
      '[ca]',
      'default_ca = this',
      '[this]',
      `database = ${this.#base}.db`,
      `crlnumber = ${this.#base}.number`,
      'default_md = sha256',
      'crl_extensions = extensions',
      '[extensions]',
      'authorityKeyIdentifier = keyid',
      ...delta,
    ]
    await writeFile(`${this.#base}.cnf`, `${lines.join('\n')}\n`)
  }
}
