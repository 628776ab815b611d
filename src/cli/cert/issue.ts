// `castellan cert issue`, `sign`, `renew` and `bundle`: a certificate, and the files that its holder is handed.

import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { type BundleFormat, bundleFiles, fileNameOf, issuedBefore, parseBundleFormat } from '../../pki/bundle.ts'
import type { IssuedCertificate, IssueOptions, Proof } from '../../pki/engine.ts'
import { PkiConflictError } from '../../pki/errors.ts'
import { readWhole, writeWhole } from '../../pki/files.ts'
import { parseKeyType } from '../../pki/private-key.ts'
import type { ArchiveFile } from '../../pki/zip.ts'
import { caOptions, now, operator, Passphrases, withEngine } from '../ca/context.ts'
import { duration, operands, parse, wholeNumber } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { recordOf } from './cert.ts'

const issueOptions = {
  ...caOptions,
  profile: { type: 'string' },
  san: { type: 'string', multiple: true },
  days: { type: 'string' },
  backdate: { type: 'string' },
  'key-type': { type: 'string' },
  format: { type: 'string' },
  out: { type: 'string' },
  'bundle-passphrase-file': { type: 'string' },
  output: { type: 'string', short: 'o' },
} as const

const defaultProfile = 'device'

interface IssueValues {
  readonly days?: string | undefined
  readonly backdate?: string | undefined
  readonly format?: string | undefined
  readonly out?: string | undefined
  readonly 'key-type'?: string | undefined
  readonly 'bundle-passphrase-file'?: string | undefined
  readonly output?: string | undefined
}

export async function issue(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, issueOptions)
  const [name] = operands(positionals, ['NAME'])
  const delivery = await deliveryOf(values, name, io)
  return withEngine(values, io, async engine => {
    const profile = engine.openProfile(values.profile ?? defaultProfile)
    const subject = { name, alternatives: values.san ?? [] }
    return hand(await engine.issue(profile, subject, generate(values), optionsOf(values, io)), delivery, io)
  })
}

/** The holder keeps the key; what comes out is the certificate. */
export async function sign(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...issueOptions, name: { type: 'string' } })
  const [file] = operands(positionals, ['REQUEST.csr'])
  const proof = { kind: 'request', request: readWhole(file) } as const
  return withEngine(values, io, async engine => {
    const profile = engine.openProfile(values.profile ?? defaultProfile)
    const { name, san } = values
    const subject = name === undefined ? undefined : { name, alternatives: san ?? [] }
    const { readRequest } = await import('../../pki/certificate-request.ts')
    const shown = name ?? readRequest(proof.request).name ?? 'certificate'
    const delivery = await deliveryOf(values, shown, io)
    return hand(await engine.issue(profile, subject, proof, optionsOf(values, io)), delivery, io)
  })
}

export async function renew(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...issueOptions,
    request: { type: 'string' },
    'revoke-old': { type: 'boolean' },
  })
  const [what] = operands(positionals, ['NAME'])
  return withEngine(values, io, async engine => {
    const record = recordOf(engine, what)
    const { request } = values
    const delivery = await deliveryOf(values, record.name, io)
    const proof = request === undefined ? generate(values) : ({ kind: 'request', request: readWhole(request) } as const)
    const issued = await engine.renew(record, proof, optionsOf(values, io))
    const code = await hand(issued, delivery, io)
    if (values['revoke-old'] !== true) return code
    await engine.revoke([record], 'superseded', now())
    io.stdout.write(`  revoked  the old one, serial number ${record.serial} (superseded)\n`)
    return code
  })
}

/** The files of a certificate that was issued before; its key is nowhere here, so only its holder can add it. */
export async function bundle(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    key: { type: 'string' },
    format: { type: 'string' },
    out: { type: 'string' },
    'bundle-passphrase-file': { type: 'string' },
    output: { type: 'string', short: 'o' },
  })
  const [what] = operands(positionals, ['NAME'])
  return withEngine(values, io, async engine => {
    const record = recordOf(engine, what)
    const key = values.key === undefined ? undefined : readWhole(values.key, 1 << 16).toString('latin1')
    const issued = issuedBefore(engine, record, key)
    return hand(issued, await deliveryOf(values, record.name, io), io, 'as its holder brought it along')
  })
}

interface Delivery {
  readonly format: BundleFormat
  /** The directory that `dir` makes, or in which the single file appears. */
  readonly directory: string
  readonly passphrase: string | undefined
  readonly json: boolean
}

/** Looks where everything will go before anything is issued. */
async function deliveryOf(values: IssueValues, name: string, io: Io): Promise<Delivery> {
  const format = parseBundleFormat(values.format ?? 'dir')
  const base = fileNameOf(name)
  const parent = resolve(values.out ?? '.')
  const directory = format === 'dir' ? join(parent, base) : parent
  const target = format === 'dir' ? directory : join(parent, `${base}.${format === 'header' ? 'h' : format}`)
  if (existsSync(target)) {
    throw new PkiConflictError(`'${escapeText(target, 4096)}' already exists; choose another place with --out`)
  }
  const passphrase = format === 'p12' ? await bundlePassphrase(values, io) : undefined
  return { format, directory, passphrase, json: wantsJson(values.output) }
}

async function bundlePassphrase({ 'bundle-passphrase-file': file }: IssueValues, io: Io): Promise<string> {
  const passphrases = new Passphrases(file === undefined ? {} : { 'passphrase-file': file }, io)
  try {
    return await passphrases.choose('issuing', 'Passphrase for the p12 file')
  } finally {
    await passphrases.close()
  }
}

function generate(values: IssueValues): Proof {
  const type = values['key-type']
  return type === undefined ? { kind: 'generate' } : { kind: 'generate', keyType: parseKeyType(type) }
}

function optionsOf(values: IssueValues, io: Io): IssueOptions {
  const lifetimeDays = wholeNumber(values.days, 'days')
  const backdateMs = duration(values.backdate, 'backdate')
  return {
    now: now(),
    by: operator(io),
    ...(lifetimeDays === undefined ? {} : { lifetimeDays }),
    ...(backdateMs === undefined ? {} : { backdateMs }),
  }
}

async function hand(
  issued: IssuedCertificate,
  { format, directory, passphrase, json }: Delivery,
  io: Io,
  keyOrigin = 'made here, written once, stored nowhere else',
): Promise<number> {
  const files = await bundleFiles(issued, format, { at: now(), ...(passphrase === undefined ? {} : { passphrase }) })
  const paths = writeFiles(files, directory, format)
  const { name, serial, profile, notBefore, notAfter, alternatives, fingerprint } = issued.record
  if (json) {
    const dates = { notBefore: new Date(notBefore).toISOString(), notAfter: new Date(notAfter).toISOString() }
    const page = { version: 1, name, serialNumber: serial, fingerprint, profile, alternatives, ...dates, files: paths }
    io.stdout.write(`${JSON.stringify(page, undefined, 2)}\n`)
    return exitCode.ok
  }
  const key = issued.privateKey === undefined ? 'its holder has it' : keyOrigin
  const days = Math.round((notAfter - notBefore) / 86_400_000)
  const date = (at: number) => new Date(at).toISOString().slice(0, 10)
  io.stdout.write(`  key      ${key}
  subject  CN=${escapeText(name)}${alternatives.map(text => `, ${escapeText(text)}`).join('')}
  serial   ${serial}
  valid    ${date(notBefore)} .. ${date(notAfter)} (${days} d, renew after ${date(notBefore + ((notAfter - notBefore) * 2) / 3)})
${paths.map(path => `  wrote    ${escapeText(path, 4096)}\n`).join('')}`)
  return exitCode.ok
}

/** @returns their paths */
export function writeFiles(files: readonly ArchiveFile[], directory: string, format: BundleFormat): string[] {
  mkdirSync(directory, { recursive: true, mode: format === 'dir' ? 0o700 : 0o755 })
  const written: string[] = []
  try {
    for (const { name, content, mode } of files) {
      const path = join(directory, name)
      writeWhole(path, content, mode)
      written.push(path)
    }
    return written
  } catch (error) {
    for (const path of written) rmSync(path, { force: true })
    throw error
  }
}
