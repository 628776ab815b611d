// Recognises the directories that other tools make: which file is the authority's certificate, its key, its database.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { PkiFileError } from '../errors.ts'

export interface ForeignAuthority {
  readonly kind: 'easy-ca' | 'easy-rsa' | 'generate-CA.sh' | 'mkcert' | 'openssl'
  readonly certificate: string
  readonly privateKey: string
  /** In the format of `openssl ca`. */
  readonly database?: string
  /** A list that was signed last. */
  readonly crl?: string
  /** Where the number of the next list is, as hex. */
  readonly crlNumber?: string
  /** Where certificates lie that it issued. */
  readonly issued: readonly string[]
}

type Candidate = Omit<ForeignAuthority, 'issued'> & { readonly issued: readonly string[]; readonly mark: string }

const candidates: readonly Candidate[] = [
  {
    kind: 'easy-ca',
    mark: 'ca/db/certificate.db',
    certificate: 'ca/ca.crt',
    privateKey: 'ca/private/ca.key',
    database: 'ca/db/certificate.db',
    crl: 'crl/ca.crl',
    crlNumber: 'ca/db/crl.srl',
    issued: ['archive', 'certs'],
  },
  ...(['pki/', ''] as const).map(
    below =>
      ({
        kind: 'easy-rsa',
        mark: `${below}certs_by_serial`,
        certificate: `${below}ca.crt`,
        privateKey: `${below}private/ca.key`,
        database: `${below}index.txt`,
        crl: `${below}crl.pem`,
        issued: [`${below}certs_by_serial`, `${below}issued`, `${below}revoked/certs_by_serial`],
      }) as const,
  ),
  {
    kind: 'mkcert',
    mark: 'rootCA.pem',
    certificate: 'rootCA.pem',
    privateKey: 'rootCA-key.pem',
    issued: ['.'],
  },
  ...(['', 'private/'] as const).flatMap(folder =>
    (['ca.crt', 'ca.pem', 'cacert.pem'] as const).map(
      certificate =>
        ({
          kind: certificate === 'ca.crt' && folder === '' ? 'generate-CA.sh' : 'openssl',
          mark: certificate,
          certificate,
          privateKey: `${folder}${certificate === 'cacert.pem' ? 'cakey.pem' : 'ca.key'}`,
          database: 'index.txt',
          crl: 'crl.pem',
          crlNumber: 'crlnumber',
          issued: ['.', 'newcerts', 'certs'],
        }) as const,
    ),
  ),
]

/** @throws PkiFileError when it is none of those that are known */
export function recogniseAuthority(dir: string): ForeignAuthority {
  const at = (path: string) => join(dir, path)
  const found = candidates.find(
    ({ mark, certificate, privateKey }) =>
      existsSync(at(mark)) && existsSync(at(certificate)) && existsSync(at(privateKey)),
  )
  if (found === undefined) {
    throw new PkiFileError(
      `'${escapeText(dir, 4096)}' is none of easy-ca, easy-rsa, generate-CA.sh, mkcert, and has no ca.crt with a ca.key`,
    )
  }
  const { certificate, privateKey, database, crl, crlNumber, issued } = found
  const optional = (path: string | undefined) => (path !== undefined && existsSync(at(path)) ? at(path) : undefined)
  const there = { database: optional(database), crl: optional(crl), crlNumber: optional(crlNumber) }
  return {
    // generate-CA.sh keeps no database.
    kind: found.kind === 'generate-CA.sh' && there.database !== undefined ? 'openssl' : found.kind,
    certificate: at(certificate),
    privateKey: at(privateKey),
    ...(there.database === undefined ? {} : { database: there.database }),
    ...(there.crl === undefined ? {} : { crl: there.crl }),
    ...(there.crlNumber === undefined ? {} : { crlNumber: there.crlNumber }),
    issued: issued.filter(path => existsSync(at(path))).map(at),
  }
}

/** Files in a directory that may hold a certificate. */
export function certificateFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(crt|pem|cer)$/.test(entry.name))
    .map(entry => join(dir, entry.name))
}
