// Pre-shared keys at the handshake: looks keys up for the TLS library, and remembers who has proven one.

import { randomBytes } from 'node:crypto'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { escapeText } from '../base/escape.ts'

/** @returns undefined when nobody has this identity */
export type KeyLookup = (identity: string) => { readonly key: Uint8Array; readonly fingerprint: string } | undefined

export interface ProvenKey {
  readonly identity: string
  readonly fingerprint: string
}

interface Claim {
  readonly identity: string
  readonly fingerprint: string | undefined
}

const decoyBytes = 32

export class PresharedKeyDoor {
  readonly #lookUp: KeyLookup
  readonly #claims = new WeakMap<TLSSocket, Claim>()

  constructor(lookUp: KeyLookup) {
    this.#lookUp = lookUp
  }

  /** @param hint shown to every client before it names an identity */
  serve(hint: string): TlsOptions {
    return { pskIdentityHint: hint, pskCallback: (socket, identity) => this.#key(socket, identity) }
  }

  /** Of a completed handshake. @returns undefined unless it was completed with a key of `psk_file` */
  proven(socket: TLSSocket): ProvenKey | undefined {
    const claim = this.#claims.get(socket)
    if (claim?.fingerprint === undefined) return undefined
    return { identity: claim.identity, fingerprint: claim.fingerprint }
  }

  /** Why a handshake failed, where it is the key. */
  fault(socket: TLSSocket): string | undefined {
    const claim = this.#claims.get(socket)
    if (claim === undefined) return undefined
    const what = claim.fingerprint === undefined ? 'no pre-shared key for identity' : 'wrong pre-shared key of identity'
    return `${what} '${escapeText(claim.identity)}'`
  }

  /** Whoever asks for an unknown identity gets a key that nobody has: the peer cannot tell it from a wrong one (RFC 4279 §2). */
  #key(socket: TLSSocket, identity: string): Uint8Array {
    const found = this.#lookUp(identity)
    this.#claims.set(socket, { identity, fingerprint: found?.fingerprint })
    return found?.key ?? randomBytes(decoyBytes)
  }
}
