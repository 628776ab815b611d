// SCRAM-SHA-256 on the server's side (RFC 5802, RFC 7677), as MQTT 5 enhanced authentication (§4.12): the password never
// crosses the wire, and the server proves that it knows the user too. No channel binding.

import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import { decodeBase64 } from './base64.ts'
import type { PasswordFile } from './password-file.ts'
import type { ScramHash } from './password-hash.ts'
import { provePrincipal } from './principal.ts'
import type { EnhancedExchange, ExchangeStep } from './realm.ts'
import { saslPrep } from './sasl-prep.ts'

export const scramMethod = 'SCRAM-SHA-256'

/** Most bytes of one message from the client. */
export const maximumScramMessageBytes = 4096

/** Gives an unknown user the same salt each time he asks, and nobody can tell it from a real one. */
const mockSaltKey = randomBytes(32)
const nonceBytes = 24

/** RFC 5802 §7 `client-first-message`: no channel binding, no extension that we would have to understand (`m=`). */
const clientFirst = /^([ny],(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,]*)*)$/
/** RFC 5802 §7 `client-final-message`. */
const clientFinal = /^(c=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]*)*),p=([^,]*)$/

export interface ScramOptions {
  readonly users: PasswordFile['users']
  /** Whose cost and shape an unknown user is shown. */
  readonly decoy: ScramHash
  /** The user name of the CONNECT packet, which must then be the one that logs in. */
  readonly connectUsername: string | undefined
  /** Printable ASCII without a comma; random when undefined. */
  readonly serverNonce?: string
}

interface Challenge {
  readonly username: string
  /** undefined for a user who is unknown or has no SCRAM entry. */
  readonly fingerprint: string | undefined
  readonly hash: ScramHash
  readonly gs2Header: string
  readonly nonce: string
  /** `client-first-message-bare , server-first-message`, with which the signed text begins. */
  readonly transcript: string
}

export function createScramExchange(options: ScramOptions): EnhancedExchange {
  return new ScramExchange(options)
}

type State =
  | { readonly name: 'first' }
  | { readonly name: 'final'; readonly challenge: Challenge }
  | { readonly name: 'ended' }

class ScramExchange implements EnhancedExchange {
  readonly method = scramMethod
  readonly #options: ScramOptions
  #state: State = { name: 'first' }

  constructor(options: ScramOptions) {
    this.#options = options
  }

  step(data: Uint8Array): ExchangeStep {
    const state = this.#state
    this.#state = { name: 'ended' }
    if (state.name === 'ended') return denied('the exchange has ended')
    const message = decodeMessage(data)
    if (message === undefined) return denied('message is empty, too long or not UTF-8')
    if (state.name === 'final') return finish(state.challenge, message)
    const challenge = this.#challenge(message)
    if (typeof challenge === 'string') return denied(challenge)
    this.#state = { name: 'final', challenge }
    return { kind: 'continue', data: Buffer.from(serverFirst(challenge)) }
  }

  /** @returns why not, when it is a string */
  #challenge(message: string): Challenge | string {
    if (message.startsWith('p=')) return 'channel binding is not offered'
    const [, gs2Header, authorizationName, bare, name, clientNonce] = clientFirst.exec(message) ?? []
    if (gs2Header === undefined || bare === undefined || name === undefined) return 'malformed first message'
    const username = decodeName(name)
    if (username === undefined) return 'user name is not one that SASLprep accepts'
    if (authorizationName !== undefined && decodeName(authorizationName) !== username)
      return 'acting as another user is not offered'
    const { connectUsername, users, decoy, serverNonce } = this.#options
    if (connectUsername !== undefined && saslPrep(connectUsername) !== username)
      return 'user name differs from that of CONNECT'
    const entry = users.get(username)
    const known =
      entry?.hash.kind === 'scram-sha-256' ? { hash: entry.hash, fingerprint: entry.fingerprint } : undefined
    const { hash, fingerprint } = known ?? { hash: mock(decoy, username), fingerprint: undefined }
    const nonce = `${clientNonce}${serverNonce ?? randomBytes(nonceBytes).toString('base64')}`
    const challenge = { username, fingerprint, hash, gs2Header, nonce }
    return { ...challenge, transcript: `${bare},${serverFirst(challenge)}` }
  }
}

function serverFirst({ nonce, hash }: Pick<Challenge, 'nonce' | 'hash'>): string {
  return `r=${nonce},s=${hash.salt.toString('base64')},i=${hash.iterations}`
}

/** RFC 5802 §3: the proof holds the client's key, sealed under what both have said; its hash is the stored key. */
function finish(challenge: Challenge, message: string): ExchangeStep {
  const { username, fingerprint, hash, gs2Header, nonce, transcript } = challenge
  const [, withoutProof, binding, echoed, proofText = ''] = clientFinal.exec(message) ?? []
  if (withoutProof === undefined) return denied('malformed final message')
  if (binding !== Buffer.from(gs2Header).toString('base64')) return denied('the first message was altered')
  if (echoed !== nonce) return denied('wrong nonce')
  const proof = decodeBase64(proofText)
  if (proof?.length !== hash.storedKey.length) return denied('malformed proof')
  const signed = `${transcript},${withoutProof}`
  const clientSignature = createHmac('sha256', hash.storedKey).update(signed).digest()
  const clientKey = proof.map((byte, index) => byte ^ (clientSignature[index] ?? 0))
  const right = timingSafeEqual(createHash('sha256').update(clientKey).digest(), hash.storedKey)
  if (!right || fingerprint === undefined) return denied(`unknown user or wrong password for '${escapeText(username)}'`)
  const signature = createHmac('sha256', hash.serverKey).update(signed).digest('base64')
  const principal = provePrincipal(username, scramMethod, fingerprint)
  return { kind: 'success', data: Buffer.from(`v=${signature}`), principal }
}

function denied(rule: string): ExchangeStep {
  return { kind: 'denied', denial: { allowed: false, reason: 'not-authorized', rule: `${scramMethod}: ${rule}` } }
}

function decodeMessage(data: Uint8Array): string | undefined {
  if (data.length === 0 || data.length > maximumScramMessageBytes) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
  } catch {
    return undefined
  }
}

/** RFC 5802 §5.1 `saslname`: comma and equals sign are written `=2C` and `=3D`; an equals sign stands for nothing else. */
function decodeName(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined
  return saslPrep(name.replaceAll('=2C', ',').replaceAll('=3D', '='))
}

function mock(decoy: ScramHash, username: string): ScramHash {
  const salt = createHmac('sha512', mockSaltKey).update(username).digest().subarray(0, decoy.salt.length)
  return { ...decoy, salt }
}
