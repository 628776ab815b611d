// The flat files of generate-CA.sh: an authority, server and client certificates side by side, each made only when it is missing.

import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { seconds } from './ca-directory.ts'
import { randomSerialNumber, signAuthority, signLeaf } from './certificate-builder.ts'
import { netscapeExtensions, requestPem } from './easy-ca-tree.ts'
import { PkiFileError } from './errors.ts'
import { publicMode, readWhole, secretMode, writeWhole } from './files.ts'
import { Issuer } from './issuer.ts'
import { alternativeName } from './name-rules.ts'
import { formatPem, pemBlocks } from './pem.ts'
import { encryptedKeyPem, generateKeys, isEncryptedPem, plainKeyPem, readPrivateKey } from './private-key.ts'
import { backdateMs, profiles } from './profiles.ts'

const dayMs = 24 * 60 * 60 * 1000
const authorityDays = 3652
const serverDays = 397
const clientDays = 730
/** What everybody may read; the original has these, too. */
const certificateMode = 0o444

const authoritySubject = { O: 'OwnTracks.org', OU: 'generate-CA' }
const authorityName = 'An MQTT broker'

export interface GeneratedAuthority {
  readonly issuer: Issuer
  readonly key: KeyObject
}

/** @param passphrase undefined leaves the key in the clear, which the caller was told to */
export async function makeGeneratedAuthority(dir: string, passphrase: string | undefined, now: number): Promise<void> {
  const keys = await generateKeys('rsa-4096')
  const der = await signAuthority({
    commonName: authorityName,
    organization: authoritySubject,
    validity: { notBefore: seconds(now - backdateMs), notAfter: seconds(now) + authorityDays * dayMs },
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    pathLength: 0,
    pointers: {},
  })
  const pem =
    passphrase === undefined ? plainKeyPem(keys.privateKey) : await encryptedKeyPem(keys.privateKey, passphrase)
  writeWhole(join(dir, 'ca.key'), pem, secretMode)
  writeWhole(join(dir, 'ca.crt'), formatPem('CERTIFICATE', der), certificateMode)
}

/** Whether the key of the authority there needs a passphrase. */
export function isGeneratedKeyEncrypted(dir: string): boolean {
  return isEncryptedPem(readWhole(join(dir, 'ca.key'), 1 << 16).toString('latin1'))
}

/** @throws PkiFileError, PkiKeyError */
export function openGeneratedAuthority(dir: string, passphrase: string | undefined): GeneratedAuthority {
  const [der] = pemBlocks(readWhole(join(dir, 'ca.crt')).toString('latin1'), ['CERTIFICATE'])
  if (der === undefined) throw new PkiFileError("'ca.crt' holds no certificate")
  const issuer = new Issuer(der)
  const key = readPrivateKey(readWhole(join(dir, 'ca.key'), 1 << 16).toString('latin1'), passphrase, "'ca.key'")
  if (!issuer.owns(key)) throw new PkiFileError("'ca.key' is not the key of 'ca.crt'")
  return { issuer, key }
}

export interface LeafFiles {
  readonly kind: 'server' | 'client'
  /** Of the certificate, and of its files. */
  readonly name: string
  /** Where the files go, and where `ca.srl` is. */
  readonly directory: string
  readonly authorityDirectory: string
  readonly alternatives: readonly string[]
  readonly now: number
}

/** NAME.key, NAME.csr and NAME.crt; a key and a certificate that are there stay. @returns whether it made a certificate */
export async function makeGeneratedLeaf({ issuer, key }: GeneratedAuthority, wanted: LeafFiles): Promise<boolean> {
  const { kind, name, directory, alternatives, now } = wanted
  const at = (extension: string) => join(directory, `${name}.${extension}`)
  if (existsSync(at('crt'))) return false
  if (!existsSync(at('key')))
    writeWhole(at('key'), plainKeyPem((await generateKeys('rsa-4096')).privateKey), secretMode)
  const own = readPrivateKey(readWhole(at('key'), 1 << 16).toString('latin1'), undefined, `'${name}.key'`)
  writeWhole(at('csr'), await requestPem(own, name), publicMode)
  const isServer = kind === 'server'
  const profile = { ...profiles[isServer ? 'legacy-easyca-server' : 'legacy-easyca'], revocation: 'pointers' } as const
  const serialNumber = randomSerialNumber()
  const end = seconds(now) + (isServer ? serverDays : clientDays) * dayMs
  const der = await signLeaf(
    {
      profile,
      serialNumber,
      commonName: name,
      alternatives: alternatives.map(alternativeName),
      validity: { notBefore: seconds(now - backdateMs), notAfter: Math.min(end, issuer.notAfter) },
      publicKey: own,
      pointers: {},
      furtherExtensions: isServer ? netscapeExtensions('OwnTracks Certificate') : [],
    },
    issuer,
    key,
  )
  writeWhole(join(wanted.authorityDirectory, 'ca.srl'), `${serialNumber.toUpperCase()}\n`, publicMode)
  writeWhole(at('crt'), formatPem('CERTIFICATE', der), certificateMode)
  return true
}
