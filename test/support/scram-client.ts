// A client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for tests of enhanced authentication; written independently of
// src/auth.

import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** A user of RFC 7677's example, as a line of a password file: name `user`, password `pencil`. */
export const pencilEntry =
  'user:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** One exchange, message by message. */
export class ScramClient {
  readonly #bare: string
  readonly #password: string
  #expected = ''

  constructor(name = 'user', password = 'pencil') {
    this.#bare = `n=${name},r=${randomBytes(18).toString('base64')}`
    this.#password = password
  }

  /** client-first-message. */
  first(): string {
    return `n,,${this.#bare}`
  }

  /** client-final-message, from the server's first. */
  final(serverFirst: string): string {
    const fields = new Map(serverFirst.split(',').map(field => [field.slice(0, 1), field.slice(2)]))
    const salt = Buffer.from(fields.get('s') ?? '', 'base64')
    const salted = pbkdf2Sync(this.#password, salt, Number(fields.get('i')), 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const withoutProof = `c=biws,r=${fields.get('r')}`
    const message = `${this.#bare},${serverFirst},${withoutProof}`
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message)
    const proof = clientKey.map((byte, index) => byte ^ signature[index]!)
    this.#expected = `v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
  }

  /** Whether the server's final message proves that it knows the user's keys. */
  proves(serverFinal: string): boolean {
    return serverFinal === this.#expected
  }
}
