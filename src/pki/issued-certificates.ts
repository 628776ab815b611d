// Whether the authorities of a directory have issued a certificate, for a broker at its door: a look-up, and for what is not
// there one look at what the journal has got meanwhile.

import { hash } from 'node:crypto'
import type { CaDescription } from './ca-directory.ts'
import type { CertificateEngine } from './engine.ts'
import { wholeBytes } from './import/openssl-database.ts'

export class IssuedCertificates {
  readonly #engine: CertificateEngine
  /** Names of authorities by SHA-256 of their public key (SubjectPublicKeyInfo), hex. */
  #authorities: ReadonlyMap<string, string> = new Map()
  /** From which these were made: another one when authorities came along. */
  #description: CaDescription | undefined = undefined

  constructor(engine: CertificateEngine) {
    this.#engine = engine
  }

  /**
   * @param signerKey SHA-256 of the public key that has verified its signature, hex
   * @param serialNumber hex
   * @param fingerprint SHA-256 over the DER, hex in lower case
   * @returns undefined where the key is none of an authority here
   * @throws PkiFileError when the journal or the directory cannot be read
   */
  has(signerKey: string, serialNumber: string, fingerprint: string): boolean | undefined {
    const authority = this.#authorityOf(signerKey)
    if (authority === undefined) return undefined
    const serial = wholeBytes(serialNumber)
    if (this.#isRecorded(authority, serial, fingerprint)) return true
    this.#engine.refresh()
    return this.#isRecorded(authority, serial, fingerprint)
  }

  /** Of a certificate that was imported without its bytes only the serial number is known. */
  #isRecorded(authority: string, serial: string, fingerprint: string): boolean {
    const record = this.#engine.inventory.find(authority, serial)
    return record !== undefined && (record.fingerprint === fingerprint || record.fingerprint === '')
  }

  #authorityOf(signerKey: string): string | undefined {
    const known = this.#authorities.get(signerKey)
    if (known !== undefined) return known
    const { description } = this.#engine
    if (description === this.#description) return undefined
    this.#authorities = new Map(description.authorities.map(({ id }) => [this.#keyOf(id), id]))
    this.#description = description
    return this.#authorities.get(signerKey)
  }

  #keyOf(id: string): string {
    return hash('sha256', new Uint8Array(this.#engine.issuer(id).certificate.publicKey.rawData), 'hex')
  }
}
