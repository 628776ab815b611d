// What a device is handed: its certificate, its key and the root to trust, in the form that its importer takes.

import { X509Certificate } from 'node:crypto'
import { escapeText } from '../base/escape.ts'
import type { CertificateEngine, IssuedCertificate } from './engine.ts'
import { PkiError } from './errors.ts'
import { publicMode, secretMode } from './files.ts'
import type { CertificateRecord } from './inventory.ts'
import { formatPem } from './pem.ts'
import { readPrivateKey } from './private-key.ts'
import { type ArchiveFile, zipArchive } from './zip.ts'

export const bundleFormats = ['dir', 'zip', 'p12', 'pem', 'header', 'json'] as const
export type BundleFormat = (typeof bundleFormats)[number]

/** @throws PkiError */
export function parseBundleFormat(word: string): BundleFormat {
  const format = bundleFormats.find(name => name === word)
  if (format !== undefined) return format
  if (word === 'qr') {
    throw new PkiError(
      'QR codes are not drawn here; give --format json or pem to a program that draws them, such as qrencode',
    )
  }
  throw new PkiError(`unknown format '${escapeText(word, 40)}'; it is one of ${bundleFormats.join(', ')}`)
}

/**
 * What was issued before, once more, with the key when its holder brings it along.
 *
 * @param key PEM, not encrypted
 * @throws PkiError when the key is another one's, or only an old database told of the certificate
 */
export function issuedBefore(engine: CertificateEngine, record: CertificateRecord, key?: string): IssuedCertificate {
  const shown = escapeText(record.name, 80)
  if (record.der === undefined) throw new PkiError(`the certificate of '${shown}' was imported without its bytes`)
  const der = Buffer.from(record.der, 'base64')
  if (key !== undefined && !new X509Certificate(der).checkPrivateKey(readPrivateKey(key, undefined, 'the key'))) {
    throw new PkiError(`the key is not the one of '${shown}'`)
  }
  return {
    record,
    certificate: formatPem('CERTIFICATE', der),
    chain: engine.chain(record.issuer),
    root: engine.root(record.issuer),
    ...(key === undefined ? {} : { privateKey: key }),
  }
}

/**
 * A name as a file may have it: `*` is `star`, and whatever could steer a shell or a path is `-`. Nobody is `ca`, whose
 * certificate would lie where the root's has to.
 */
export function fileNameOf(name: string): string {
  const safe = name
    .replaceAll('*', 'star')
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[.-]/, '_')
    .replace(/^ca$/i, '_$&')
  return safe.slice(0, 100)
}

/**
 * The files of a bundle: several for `dir`, one for all others.
 *
 * @param options `passphrase` for `p12`; `at` in milliseconds since the epoch
 * @throws PkiError when the format needs a key, and the holder made it
 */
export async function bundleFiles(
  issued: IssuedCertificate,
  format: BundleFormat,
  options: { readonly at: number; readonly passphrase?: string },
): Promise<ArchiveFile[]> {
  const name = fileNameOf(issued.record.name)
  const single = (extension: string, content: Buffer | string) => [
    { name: `${name}.${extension}`, content: Buffer.from(content), mode: secretMode },
  ]
  switch (format) {
    case 'dir':
      return looseFiles(issued, name)
    case 'zip':
      return single('zip', zipArchive(looseFiles(issued, name), options.at))
    case 'pem':
      return single('pem', `${issued.privateKey ?? ''}${issued.certificate}${issued.chain}${issued.root}`)
    case 'json':
      return single('json', jsonText(issued))
    case 'header':
      return single('h', headerText(issued))
    case 'p12': {
      const { pkcs12 } = await import('./pkcs12.ts')
      if (options.passphrase === undefined) throw new PkiError('a p12 file needs a passphrase')
      const contents = { ...issued, privateKey: keyOf(issued), friendlyName: issued.record.name }
      return single('p12', await pkcs12(contents, options.passphrase))
    }
  }
}

function looseFiles({ record, certificate, chain, root, privateKey }: IssuedCertificate, name: string): ArchiveFile[] {
  const files = [
    { name: 'ca.crt', content: Buffer.from(root), mode: publicMode },
    // With the authorities below the root: whoever checks it may know the root alone.
    { name: `${name}.crt`, content: Buffer.from(certificate + chain), mode: publicMode },
  ]
  const key = { name: `${name}.key`, content: Buffer.from(privateKey ?? ''), mode: secretMode }
  const connect = { name: 'connect.txt', content: Buffer.from(connectText(record.profile, name)), mode: publicMode }
  return privateKey === undefined ? [...files, connect] : [...files, key, connect]
}

function connectText(profile: string, name: string): string {
  if (profile.includes('server')) {
    return `listener 8883\ncertfile ${name}.crt\nkeyfile ${name}.key\n`
  }
  return `mosquitto_pub -h BROKER -p 8883 --cafile ca.crt --cert ${name}.crt --key ${name}.key -t devices/${name}/up -m hello\n`
}

function jsonText({ record, certificate, chain, root, privateKey }: IssuedCertificate): string {
  const { name, serial, notAfter, fingerprint } = record
  const bundle = { name, serialNumber: serial, fingerprint, notAfter: new Date(notAfter).toISOString() }
  return `${JSON.stringify({ ...bundle, certificate, chain, root, ...(privateKey === undefined ? {} : { privateKey }) }, undefined, 2)}\n`
}

/** For firmware that is compiled with its identity in it: each PEM a C string that ends in NUL, as Mbed TLS wants it. */
function headerText(issued: IssuedCertificate): string {
  const { record, certificate, chain, root } = issued
  const name = record.name.replace(/[^\x20-\x5b\x5d-\x7e]/g, '?').replaceAll('*/', '* /')
  const literal = (pem: string) =>
    pem
      .trimEnd()
      .split('\n')
      .map(line => `  "${line}\\n"`)
      .join('\n')
  const constant = (symbol: string, pem: string) => `static const char ${symbol}[] =\n${literal(pem)};\n`
  return `/* ${name}: the private key is in this file, keep it secret. */
#pragma once

${constant('castellan_root_certificate', root)}
${constant('castellan_certificate', certificate + chain)}
${constant('castellan_private_key', keyOf(issued))}`
}

function keyOf({ privateKey, record }: IssuedCertificate): string {
  if (privateKey !== undefined) return privateKey
  throw new PkiError(`the key of '${escapeText(record.name, 80)}' is with its holder; this format would need it`)
}
