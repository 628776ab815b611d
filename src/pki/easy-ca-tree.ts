// The directory that easy-ca keeps, with easy-ca's file names and the database of `openssl ca`: whoever starts here can go back.

import 'reflect-metadata'
import { createPublicKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { escapeText } from '../base/escape.ts'
import { seconds } from './ca-directory.ts'
import { type Pointers, randomSerialNumber, type SubjectParts, signAuthority, signLeaf } from './certificate-builder.ts'
import { signCrl } from './crl.ts'
import { crlLifeMs } from './crl-publisher.ts'
import { PkiConflictError, PkiError, PkiFileError } from './errors.ts'
import { makeDirectory, publicMode, readWhole, secretMode, writeWhole } from './files.ts'
import { databaseRow, parseOpenSslDatabase, revocationCell, wholeBytes } from './import/openssl-database.ts'
import { Issuer, signingAlgorithm } from './issuer.ts'
import { alternativeName } from './name-rules.ts'
import { formatPem, pemBlocks } from './pem.ts'
import { encryptedKeyPem, generateKeys, type KeyType, plainKeyPem, readPrivateKey } from './private-key.ts'
import { extendedKeyUsage, type LeafProfile, profiles } from './profiles.ts'
import type { RevocationReason } from './revocation-reasons.ts'

/** What easy-ca's bin/defaults.conf holds. */
export interface TreeSettings {
  readonly label: string
  readonly domain: string
  readonly subject: SubjectParts
  readonly commonName: string
}

const dayMs = 24 * 60 * 60 * 1000
const authorityDays = 3652
const leafDays = 730

/** easy-ca's rule: `*` is `star`, everything but letters, digits and `-` is `-`. */
export function easyCaName(name: string): string {
  return name.replaceAll('*', 'star').replace(/[^A-Za-z0-9-]/g, '-')
}

export class EasyCaTree {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  static isTree(dir: string): boolean {
    return existsSync(join(dir, 'ca', 'ca.crt')) && existsSync(join(dir, 'ca', 'db', 'certificate.db'))
  }

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts)
  }

  get settings(): TreeSettings {
    const text = readWhole(this.path('bin', 'defaults.conf'), 1 << 16).toString('utf8')
    const value = (name: string) => new RegExp(`^CA_${name}="(.*)"$`, 'm').exec(text)?.[1] ?? ''
    const subject = Object.fromEntries(
      (['C', 'ST', 'L', 'O', 'OU'] as const).map(part => [part, value(`CERT_${part}`)]),
    )
    return { label: value('NAME'), domain: value('DOMAIN'), subject, commonName: value('CERT_CN') }
  }

  readIssuer(): Issuer {
    const [der] = pemBlocks(readWhole(this.path('ca', 'ca.crt')).toString('latin1'), ['CERTIFICATE'])
    if (der === undefined)
      throw new PkiFileError(`'${escapeText(this.path('ca', 'ca.crt'), 4096)}' holds no certificate`)
    return new Issuer(der)
  }

  /** Whether it was made by the original scripts, which left the key in the clear. */
  get hasPlainKey(): boolean {
    return !readWhole(this.path('ca', 'private', 'ca.key'), 1 << 16).includes('ENCRYPTED')
  }

  unlock(passphrase: string): KeyObject {
    const pem = readWhole(this.path('ca', 'private', 'ca.key'), 1 << 16).toString('latin1')
    const key = readPrivateKey(pem, passphrase, "the authority's key")
    if (!this.readIssuer().owns(key)) throw new PkiFileError("the authority's key is not the one of its certificate")
    return key
  }

  /** The folders of a new tree. @throws PkiConflictError */
  make(settings: TreeSettings): void {
    if (existsSync(this.dir)) throw new PkiConflictError(`${escapeText(this.dir, 4096)} already exists, exiting`)
    mkdirSync(this.dir, { recursive: true })
    for (const folder of ['archive', 'bin', 'ca', 'ca/db', 'certs', 'conf', 'crl', 'csr'])
      makeDirectory(this.path(folder), 0o755)
    for (const folder of ['ca/private', 'private']) makeDirectory(this.path(folder), 0o700)
    writeWhole(this.path('ca', 'db', 'certificate.db'), '', publicMode)
    writeWhole(this.path('ca', 'db', 'certificate.db.attr'), 'unique_subject = no\n', publicMode)
    writeWhole(this.path('ca', 'db', 'crt.srl'), '01\n', publicMode)
    writeWhole(this.path('ca', 'db', 'crl.srl'), '01\n', publicMode)
    writeWhole(this.path('bin', 'defaults.conf'), defaultsText(settings), publicMode)
    writeWhole(this.path('conf', 'ca.conf'), openSslConfiguration(settings), publicMode)
  }

  /** A root in a tree that was just made: RSA 4096 unless told otherwise, ten years. */
  async makeRoot(
    settings: TreeSettings,
    passphrase: string,
    now: number,
    keyType: KeyType = 'rsa-4096',
  ): Promise<void> {
    const keys = await generateKeys(keyType)
    const der = await signAuthority({
      commonName: settings.commonName,
      organization: settings.subject,
      validity: { notBefore: seconds(now), notAfter: seconds(now) + authorityDays * dayMs },
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      pathLength: 1,
      pointers: {},
    })
    await this.#writeAuthority(der, keys.privateKey, passphrase)
    this.#record(der, this)
    this.signCrl(keys.privateKey, now)
  }

  /** An authority below the one of `parent`: RSA 2048 as before, ten years or as long as its parent. */
  async makeSigning(
    settings: TreeSettings,
    passphrase: string,
    parent: EasyCaTree,
    parentKey: KeyObject,
    now: number,
    keyType: KeyType = 'rsa-2048',
  ): Promise<void> {
    const keys = await generateKeys(keyType)
    const issuer = parent.readIssuer()
    parent.checkPolicy(settings.subject)
    const notAfter = Math.min(seconds(now) + authorityDays * dayMs, issuer.notAfter)
    const der = await signAuthority({
      commonName: settings.commonName,
      organization: settings.subject,
      validity: { notBefore: seconds(now), notAfter },
      publicKey: keys.publicKey,
      signingKey: parentKey,
      issuer,
      pathLength: 0,
      pointers: pointersOf(parent.settings),
    })
    await this.#writeAuthority(der, keys.privateKey, passphrase)
    const above = parent.path('ca', 'chain.pem')
    const chain = existsSync(above) ? readWhole(above).toString('latin1') : formatPem('CERTIFICATE', issuer.der)
    writeWhole(this.path('ca', 'chain.pem'), chain + formatPem('CERTIFICATE', der), publicMode)
    this.#record(der, parent)
    this.signCrl(keys.privateKey, now)
  }

  /** C and O as the authority's, as easy-ca's policy has it. @throws PkiError */
  checkPolicy({ C = '', O = '' }: SubjectParts): void {
    const { subject } = this.settings
    for (const [part, value, wanted] of [
      ['C', C, subject.C ?? ''],
      ['O', O, subject.O ?? ''],
    ] as const) {
      if (value !== wanted) throw new PkiError(`${part} must be the authority's, '${escapeText(wanted, 80)}'`)
    }
  }

  /**
   * Key, request, certificate and copy in the archive, under easy-ca's names.
   *
   * @throws PkiConflictError when the name is taken
   */
  async issue(request: TreeRequest, signingKey: KeyObject): Promise<void> {
    const { kind, fileName, commonName, subject, lifetimeDays = leafDays, now } = request
    const base = `${easyCaName(fileName)}.${kind}`
    const issuer = this.readIssuer()
    this.checkPolicy(subject)
    const profile = profileOf(request)
    const keys = await generateKeys(request.keyType ?? profile.keyType)
    const der = await signLeaf(
      {
        profile,
        serialNumber: randomSerialNumber(),
        commonName,
        organization: subject,
        alternatives: (request.alternatives ?? []).map(alternativeName),
        validity: { notBefore: seconds(now), notAfter: Math.min(seconds(now) + lifetimeDays * dayMs, issuer.notAfter) },
        publicKey: keys.publicKey,
        pointers: pointersOf(this.settings),
        furtherExtensions: request.comment === undefined ? [] : netscapeExtensions(request.comment),
      },
      issuer,
      signingKey,
    )
    const certificate = formatPem('CERTIFICATE', der)
    const about = `# ${kind} certificate of '${escapeText(commonName)}', files of '${escapeText(fileName, 80)}'\n`
    writeWhole(this.path('conf', `${base}.conf`), about, publicMode)
    writeWhole(this.path('private', `${base}.key`), plainKeyPem(keys.privateKey), secretMode)
    writeWhole(this.path('csr', `${base}.csr`), await requestPem(keys.privateKey, commonName), publicMode)
    // Recorded first: only what the database tells of is handed out.
    this.#record(der, this)
    writeWhole(this.path('certs', `${base}.crt`), certificate, publicMode)
  }

  /** @throws PkiConflictError */
  refuseTaken(kind: 'server' | 'client', fileName: string): void {
    const base = `${easyCaName(fileName)}.${kind}`
    const conf = this.path('conf', `${base}.conf`)
    if (!existsSync(conf) && !existsSync(this.path('certs', `${base}.crt`))) return
    const about = existsSync(conf) ? readWhole(conf, 1 << 16).toString('utf8') : ''
    const owner = /^# .* files of '(.*)'$/m.exec(about)?.[1]
    const shown = escapeText(fileName, 80)
    const other = owner === undefined || owner === shown ? '' : ` '${owner}' has files of the same name.`
    throw new PkiConflictError(`Configuration already exists for '${shown}', exiting.${other}`)
  }

  /** @returns false when it was revoked before @throws PkiError when the database does not have it */
  revoke(der: Buffer, reason: RevocationReason, signingKey: KeyObject, now: number): boolean {
    const serial = wholeBytes(new X509Certificate(der).serialNumber)
    const path = this.path('ca', 'db', 'certificate.db')
    const lines = readFileSync(path, 'utf8').split('\n')
    const index = lines.findIndex(line => wholeBytes(line.split('\t')[3] ?? '') === serial)
    const cells = lines[index]?.split('\t')
    if (cells === undefined) throw new PkiError('the certificate is not one of this authority')
    const changed = cells[0] !== 'R'
    if (changed) {
      lines[index] = ['R', cells[1], revocationCell(now, reason), ...cells.slice(3)].join('\t')
      writeWhole(path, lines.join('\n'), publicMode)
    }
    this.signCrl(signingKey, now)
    return changed
  }

  /** Seven days, with everything that the database says is revoked and has not expired. */
  signCrl(signingKey: KeyObject, now: number): void {
    const numberFile = this.path('ca', 'db', 'crl.srl')
    const number = Number.parseInt(readWhole(numberFile, 256).toString('latin1'), 16)
    const rows = parseOpenSslDatabase(readWhole(this.path('ca', 'db', 'certificate.db')).toString('utf8'))
    const entries = rows.flatMap(({ serial, revocation, notAfter }) =>
      revocation === undefined || notAfter + crlLifeMs < now
        ? []
        : [{ serialNumber: serial, revokedAt: revocation.at, reason: revocation.reason }],
    )
    const thisUpdate = seconds(now)
    const der = signCrl(
      { issuer: this.readIssuer(), number, thisUpdate, nextUpdate: thisUpdate + crlLifeMs, entries },
      signingKey,
    )
    const next = (number + 1).toString(16).toUpperCase()
    writeWhole(numberFile, `${next.length % 2 === 0 ? next : `0${next}`}\n`, publicMode)
    writeWhole(this.path('crl', 'ca.crl'), formatPem('X509 CRL', der), publicMode)
  }

  async #writeAuthority(der: Buffer, key: KeyObject, passphrase: string): Promise<void> {
    writeWhole(this.path('ca', 'private', 'ca.key'), await encryptedKeyPem(key, passphrase), secretMode)
    const name = new Issuer(der).name
    writeWhole(this.path('ca', 'ca.csr'), await requestPem(key, name), publicMode)
    writeWhole(this.path('ca', 'ca.crt'), formatPem('CERTIFICATE', der), publicMode)
  }

  /** A row in the database of who signed, and the copy in its archive. */
  #record(der: Buffer, signer: EasyCaTree): void {
    const serial = wholeBytes(new X509Certificate(der).serialNumber).toUpperCase()
    writeWhole(signer.path('archive', `${serial}.pem`), formatPem('CERTIFICATE', der), publicMode)
    appendFileSync(signer.path('ca', 'db', 'certificate.db'), `${databaseRow(der)}\n`, { flush: true })
  }
}

export interface TreeRequest {
  readonly kind: 'server' | 'client'
  /** From `-s`, `-n` or `-c`: what files are named by. */
  readonly fileName: string
  readonly commonName: string
  readonly subject: SubjectParts
  readonly alternatives?: readonly string[]
  /** Makes a server certificate one for clients, too, as it was. */
  readonly bothPurposes?: boolean
  /** nsComment, with nsCertType. */
  readonly comment?: string
  /** 730 when absent. */
  readonly lifetimeDays?: number
  /** RSA 4096 when absent. */
  readonly keyType?: KeyType
  readonly now: number
}

function profileOf({ kind, bothPurposes = false }: TreeRequest): LeafProfile {
  const profile: LeafProfile = profiles[kind === 'server' ? 'legacy-easyca-server' : 'legacy-easyca']
  return bothPurposes ? { ...profile, furtherPurposes: [extendedKeyUsage.clientAuth] } : profile
}

/** Netscape's old extensions, which old clients showed. */
export function netscapeExtensions(comment: string): x509.Extension[] {
  const text = Buffer.from(comment, 'latin1')
  return [
    // BIT STRING with bit 1 alone: SSL server.
    new x509.Extension('2.16.840.1.113730.1.1', false, Buffer.of(0x03, 0x02, 0x06, 0x40)),
    new x509.Extension('2.16.840.1.113730.1.13', false, Buffer.concat([Buffer.of(0x16, text.length), text])),
  ]
}

export async function requestPem(key: KeyObject, commonName: string): Promise<string> {
  const isRsa = key.asymmetricKeyType === 'rsa'
  // As easy-ca has it.
  const algorithm = isRsa ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' } : signingAlgorithm(key).forLibrary
  const { subtle } = webcrypto
  const pkcs8 = Uint8Array.from(key.export({ type: 'pkcs8', format: 'der' }))
  const privateKey = await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  const spki = Uint8Array.from(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const publicKey = await subtle.importKey('spki', spki, algorithm, true, ['verify'])
  const name = new x509.Name([{ CN: [{ utf8String: commonName }] }]).toString()
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: { privateKey, publicKey },
    signingAlgorithm: algorithm,
  })
  return formatPem('CERTIFICATE REQUEST', new Uint8Array(request.rawData))
}

function pointersOf({ domain, label }: TreeSettings): Pointers {
  const base = `http://${domain}/ca/${label}`
  return { crl: `${base}.crl`, issuerCertificate: `${base}.crt` }
}

function defaultsText({ label, domain, subject, commonName }: TreeSettings): string {
  const line = (name: string, value = '') => `CA_${name}="${value.replace(/["$`\\\n]/g, '')}"\n`
  const parts = (['C', 'ST', 'L', 'O', 'OU'] as const).map(part => line(`CERT_${part}`, subject[part]))
  return `${line('DOMAIN', domain)}${line('NAME', label)}\n${parts.join('')}${line('CERT_CN', commonName)}`
}

/** Enough for `openssl ca -config conf/ca.conf`, run in the tree, to go on with the database. */
function openSslConfiguration({ domain, label }: TreeSettings): string {
  return `# For openssl ca, run in the directory above. castellan itself does not read it.
[ ca ]
default_ca = this_ca

[ this_ca ]
certificate = ca/ca.crt
private_key = ca/private/ca.key
serial = ca/db/crt.srl
rand_serial = yes
crlnumber = ca/db/crl.srl
database = ca/db/certificate.db
new_certs_dir = archive
unique_subject = no
default_md = sha256
default_days = ${leafDays}
default_crl_days = 7
policy = naming
crl_extensions = crl_parts

[ naming ]
countryName = match
stateOrProvinceName = optional
localityName = optional
organizationName = match
organizationalUnitName = optional
commonName = supplied

[ crl_parts ]
authorityKeyIdentifier = keyid:always

[ client_ext ]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
crlDistributionPoints = URI:http://${domain}/ca/${label}.crl
`
}

/** The label that easy-ca takes from a directory. */
export function defaultLabel(dir: string): string {
  return basename(dir)
}
