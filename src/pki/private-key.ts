// Private keys: made, written encrypted, read again. An authority's key never touches the disk in the clear.

import { createCipheriv, createPrivateKey, generateKeyPair, type KeyObject, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import * as asn1 from 'asn1js'
import { escapeText } from '../base/escape.ts'
import { PkiError, PkiKeyError } from './errors.ts'
import { formatPem } from './pem.ts'

export const keyTypes = ['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096'] as const
export type KeyType = (typeof keyTypes)[number]

/** OWASP's figure for PBKDF2-HMAC-SHA256; Node's own export would take 2048. */
export const pbkdf2Iterations = 600_000
const saltBytes = 16
const keyBytes = 32
const blockBytes = 16

/** Shorter ones are guessed however slow the derivation is. */
export const minPassphraseLength = 8
export const maxPassphraseBytes = 1024

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

const generate = promisify(generateKeyPair)

export async function generateKeys(type: KeyType): Promise<KeyPair> {
  switch (type) {
    case 'ec-p256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'ec-p384':
      return generate('ec', { namedCurve: 'P-384' })
    case 'ed25519':
      return generate('ed25519')
    default:
      return generate('rsa', { modulusLength: Number(type.slice('rsa-'.length)), publicExponent: 0x10001 })
  }
}

/** @throws PkiError for a word that is no key type */
export function parseKeyType(word: string): KeyType {
  const type = keyTypes.find(name => name === word)
  if (type === undefined)
    throw new PkiError(`unknown key type '${escapeText(word, 40)}'; it is one of ${keyTypes.join(', ')}`)
  return type
}

/** PKCS#8 PEM in the clear: for leaves alone, whose holders read it without a person beside them. */
export function plainKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string
}

/**
 * PKCS#8 PEM, encrypted by PBES2: PBKDF2-HMAC-SHA256 and AES-256-CBC (RFC 8018), which openssl, GnuTLS and Node read.
 *
 * @throws PkiKeyError for a passphrase that is too short or too long
 */
export async function encryptedKeyPem(key: KeyObject, passphrase: string): Promise<string> {
  checkPassphrase(passphrase)
  const salt = randomBytes(saltBytes)
  const iv = randomBytes(blockBytes)
  const derived = await promisify(pbkdf2)(passphrase, salt, pbkdf2Iterations, keyBytes, 'sha256')
  const cipher = createCipheriv('aes-256-cbc', derived, iv)
  const plain = key.export({ type: 'pkcs8', format: 'der' })
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()])
  plain.fill(0)
  derived.fill(0)
  return formatPem('ENCRYPTED PRIVATE KEY', encryptedKeyInfo(salt, iv, encrypted))
}

/** @throws PkiKeyError */
export function checkPassphrase(passphrase: string): void {
  if (passphrase.length < minPassphraseLength || Buffer.byteLength(passphrase) > maxPassphraseBytes) {
    throw new PkiKeyError(
      `the passphrase must have at least ${minPassphraseLength} characters and at most ${maxPassphraseBytes} bytes`,
    )
  }
}

export function isEncryptedPem(pem: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)
}

/**
 * @param what names the key in the message, never its content
 * @throws PkiKeyError when it cannot be read with this passphrase
 */
export function readPrivateKey(pem: string, passphrase: string | undefined, what: string): KeyObject {
  const encrypted = isEncryptedPem(pem)
  if (encrypted && passphrase === undefined) throw new PkiKeyError(`${what} is encrypted; a passphrase is needed`)
  try {
    return createPrivateKey(encrypted ? { key: pem, passphrase: passphrase ?? '' } : pem)
  } catch {
    // The library's own words tell nothing more, and may quote what it read.
    throw new PkiKeyError(encrypted ? `the passphrase of ${what} is wrong` : `${what} is no private key in PEM`)
  }
}

/** EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2-params (RFC 8018 §A.4). */
function encryptedKeyInfo(salt: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  const derivation = sequence(
    oid('1.2.840.113549.1.5.12'),
    sequence(
      octets(salt),
      new asn1.Integer({ value: pbkdf2Iterations }),
      // hmacWithSHA256; the default would be SHA-1.
      sequence(oid('1.2.840.113549.2.9'), new asn1.Null()),
    ),
  )
  const cipher = sequence(oid('2.16.840.1.101.3.4.1.42'), octets(iv))
  const algorithm = sequence(oid('1.2.840.113549.1.5.13'), sequence(derivation, cipher))
  return Buffer.from(sequence(algorithm, octets(encrypted)).toBER())
}

function sequence(...value: asn1.BaseBlock[]): asn1.Sequence {
  return new asn1.Sequence({ value: value as asn1.AsnType[] })
}

function oid(value: string): asn1.ObjectIdentifier {
  return new asn1.ObjectIdentifier({ value })
}

function octets(bytes: Uint8Array): asn1.OctetString {
  return new asn1.OctetString({ valueHex: Uint8Array.from(bytes).buffer })
}
