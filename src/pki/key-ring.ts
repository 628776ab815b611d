// The authorities' private keys: opened with a passphrase when they are first needed, kept while the authority is not locked.

import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { escapeText } from '../base/escape.ts'
import type { CaDescription, CaFiles } from './ca-directory.ts'
import { PkiKeyError } from './errors.ts'
import { readWhole } from './files.ts'
import type { Issuer } from './issuer.ts'
import { encryptedKeyPem, plainKeyPem, readPrivateKey } from './private-key.ts'

/** @param what `the key of authority 'device'` */
export type AskPassphrase = (what: string) => Promise<string>

/** The part of the engine whose keys these are. */
interface Owner {
  readonly files: CaFiles
  readonly description: CaDescription
  issuer(id: string): Issuer
}

const maxKeyFileBytes = 1 << 16

export class KeyRing {
  readonly #owner: Owner
  readonly #askPassphrase: AskPassphrase | undefined
  readonly #keys = new Map<string, KeyObject>()

  constructor(owner: Owner, askPassphrase: AskPassphrase | undefined) {
    this.#owner = owner
    this.#askPassphrase = askPassphrase
  }

  /** Whether somebody said that nothing is to be signed, by whatever process. */
  get isLocked(): boolean {
    return existsSync(this.#owner.files.locked)
  }

  /** Forgets the keys when the authority was locked meanwhile. */
  refresh(): void {
    if (this.isLocked) this.#keys.clear()
  }

  /**
   * An authority's private key; asks for the passphrase the first time.
   *
   * @throws PkiKeyError
   */
  async unlock(id: string): Promise<KeyObject> {
    if (this.isLocked) throw new PkiKeyError('the authority is locked; castellan ca unlock opens it')
    const known = this.#keys.get(id)
    if (known !== undefined) return known
    const key = await this.open(id)
    this.#keys.set(id, key)
    return key
  }

  /** As `unlock`, of a locked authority, too: to see whether the passphrase is the right one. @throws PkiKeyError */
  async open(id: string): Promise<KeyObject> {
    const what = nameOf(id)
    const pem = this.#pem(id)
    const key = readPrivateKey(pem, await this.#passphraseFor(pem, what), what)
    if (!this.#owner.issuer(id).owns(key)) throw new PkiKeyError(`${what} is not the one of its certificate`)
    return key
  }

  /** Hands over a key that lies elsewhere: an offline root's. @throws PkiKeyError when it is another one's */
  lend(id: string, key: KeyObject): void {
    if (!this.#owner.issuer(id).owns(key))
      throw new PkiKeyError(`the key is not the one of authority '${escapeText(id, 64)}'`)
    this.#keys.set(id, key)
  }

  /**
   * A new key as PEM, protected as the one of authority `id` is: by the same passphrase, or not at all.
   *
   * @throws PkiKeyError
   */
  async sealLike(id: string, key: KeyObject): Promise<string> {
    // A wrong passphrase is found here, and not when the new key is needed.
    await this.open(id)
    const passphrase = await this.#passphraseFor(this.#pem(id), nameOf(id))
    return passphrase === undefined ? plainKeyPem(key) : encryptedKeyPem(key, passphrase)
  }

  #pem(id: string): string {
    const { files, description } = this.#owner
    const path = files.privateKey(id)
    if (existsSync(path)) return readWhole(path, maxKeyFileBytes).toString('latin1')
    const { offlineRoot } = description
    const isAway = id === 'root' && offlineRoot !== undefined
    const place = isAway ? `'${escapeText(offlineRoot)}', put it back for this` : 'gone'
    throw new PkiKeyError(`${nameOf(id)} is ${place}`)
  }

  async #passphraseFor(pem: string, what: string): Promise<string | undefined> {
    if (!pem.includes('ENCRYPTED')) return undefined
    if (this.#askPassphrase === undefined) throw new PkiKeyError(`${what} is locked, and no passphrase was given`)
    return this.#askPassphrase(what)
  }
}

function nameOf(id: string): string {
  return `the key of authority '${escapeText(id, 64)}'`
}
