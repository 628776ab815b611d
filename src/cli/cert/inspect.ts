// `castellan cert inspect` and `lint`: what a file holds, and which rules it breaks; for anybody's certificates.

import { X509Certificate } from 'node:crypto'
import { escapeText } from '../../base/escape.ts'
import { PkiError } from '../../pki/errors.ts'
import { readWhole } from '../../pki/files.ts'
import { lintCertificate } from '../../pki/lint.ts'
import { pemBlocks } from '../../pki/pem.ts'
import { operands, parse } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'

export async function inspect(args: readonly string[], io: Io): Promise<number> {
  const { positionals } = parse(args, {})
  const [file] = operands(positionals, ['FILE'])
  for (const der of certificatesOf(file)) io.stdout.write(describe(der))
  return exitCode.ok
}

export async function lint(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { output: { type: 'string', short: 'o' } })
  const [file] = operands(positionals, ['FILE'])
  const certificates = certificatesOf(file).map(der => ({ subject: subjectOf(der), findings: lintCertificate(der) }))
  if (wantsJson(values.output)) {
    io.stdout.write(`${JSON.stringify({ version: 1, certificates }, undefined, 2)}\n`)
  } else {
    for (const { subject, findings } of certificates) {
      io.stdout.write(`${subject}: ${findings.length === 0 ? 'keeps every rule' : `breaks ${findings.length}`}\n`)
      for (const { rule, problem } of findings) io.stdout.write(`  ${problem} (${rule})\n`)
    }
  }
  return certificates.every(({ findings }) => findings.length === 0) ? exitCode.ok : exitCode.invalid
}

/** @throws PkiError */
export function certificatesOf(file: string): Buffer[] {
  const bytes = readWhole(file, 1 << 22)
  const found =
    bytes[0] === 0x30 ? [bytes] : pemBlocks(bytes.toString('latin1'), ['CERTIFICATE', 'TRUSTED CERTIFICATE'])
  if (found.length === 0) throw new PkiError(`'${escapeText(file, 4096)}' holds no certificate, neither PEM nor DER`)
  return found
}

function subjectOf(der: Buffer): string {
  const certificate = read(der)
  return certificate === undefined ? 'a certificate that cannot be read' : oneLine(certificate.subject)
}

function describe(der: Buffer): string {
  const certificate = read(der)
  if (certificate === undefined) throw new PkiError('a certificate in the file cannot be read')
  const { publicKey, ca, subjectAltName, keyUsage, fingerprint256, serialNumber } = certificate
  const { asymmetricKeyType = 'unknown', asymmetricKeyDetails = {} } = publicKey
  const { namedCurve, modulusLength } = asymmetricKeyDetails
  const rows = [
    ['subject', oneLine(certificate.subject)],
    ['issuer', oneLine(certificate.issuer)],
    ['serial', serialNumber.toLowerCase()],
    ['valid', `${certificate.validFromDate.toISOString()} .. ${certificate.validToDate.toISOString()}`],
    ['key', `${asymmetricKeyType} ${namedCurve ?? modulusLength ?? ''}`.trimEnd()],
    ['authority', ca ? 'yes' : 'no'],
    ['names', escapeText(subjectAltName ?? 'none', 1000)],
    ['purposes', (keyUsage as readonly string[] | undefined)?.join(', ') ?? 'any'],
    ['sha-256', fingerprint256.replaceAll(':', '').toLowerCase()],
  ]
  return `${rows.map(([key = '', value = '']) => `${key.padEnd(10)}${value}\n`).join('')}\n`
}

function read(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

/** Node gives an RDN a line. */
function oneLine(name: string | undefined): string {
  return escapeText((name ?? '').split('\n').join(', ')) || 'an empty name'
}
