// `castellan cert list`, `expiring` and `show`: what was issued, and what became of it. Needs no passphrase.

import { escapeText } from '../../base/escape.ts'
import { type CertificateFilter, filterCertificates } from '../../pki/find-certificate.ts'
import { type CertificateRecord, type CertificateState, stateOf } from '../../pki/inventory.ts'
import { caOptions, now, withEngine } from '../ca/context.ts'
import { duration, operands, parse, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { type Format, outputFormat, shortTime, table, tsv } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { recordOf } from './cert.ts'

const states = ['valid', 'expired', 'revoked', 'held'] as const satisfies readonly CertificateState[]
const defaultExpiryMs = 30 * 24 * 60 * 60 * 1000

export async function list(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    state: { type: 'string' },
    profile: { type: 'string' },
    output: { type: 'string', short: 'o' },
  })
  const [text, ...others] = positionals
  operands(others, [])
  const { profile } = values
  const state = parseState(values.state)
  const filter = {
    ...(text === undefined ? {} : { text }),
    ...(profile === undefined ? {} : { profile }),
    ...(state === undefined ? {} : { state }),
  }
  return printAll(values, filter, outputFormat(values.output), io)
}

/** Those that end soon and have no successor yet: a name is only as late as its last certificate. */
export async function expiring(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    in: { type: 'string' },
    output: { type: 'string', short: 'o' },
  })
  operands(positionals, [])
  const expiresBefore = now() + (duration(values.in, 'in') ?? defaultExpiryMs)
  return printAll(values, { expiresBefore, state: 'valid' }, outputFormat(values.output), io, withoutSuccessor)
}

function withoutSuccessor(
  records: readonly CertificateRecord[],
  all: Iterable<CertificateRecord>,
): CertificateRecord[] {
  const last = new Map<string, number>()
  for (const { issuer, name, notAfter, revocation } of all) {
    if (revocation !== undefined) continue
    const key = `${issuer} ${name}`
    last.set(key, Math.max(last.get(key) ?? 0, notAfter))
  }
  return records.filter(({ issuer, name, notAfter }) => last.get(`${issuer} ${name}`) === notAfter)
}

async function printAll(
  values: Parameters<typeof withEngine>[0],
  filter: CertificateFilter,
  format: Format,
  io: Io,
  narrow: typeof withoutSuccessor = records => [...records],
): Promise<number> {
  return withEngine(values, io, async ({ inventory }) => {
    const at = now()
    const records = narrow(filterCertificates(inventory, filter, at), inventory.all())
    io.stdout.write(formatRecords(records, format, at))
    return exitCode.ok
  })
}

function formatRecords(records: readonly CertificateRecord[], format: Format, at: number): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify({ version: 1, certificates: records.map(record => asJson(record, at)) }, undefined, 2)}\n`
    case 'name':
      return records.map(({ name }) => `${escapeText(name)}\n`).join('')
    case 'table':
    case 'tsv': {
      if (records.length === 0 && format === 'table') return 'no certificates\n'
      const rows = records.map(record => [
        escapeText(record.name, 64),
        record.profile,
        record.revocation === undefined ? stateOf(record, at) : `${stateOf(record, at)} (${record.revocation.reason})`,
        shortTime(record.notAfter),
        record.serial,
      ])
      return (format === 'table' ? table : tsv)([['NAME', 'PROFILE', 'STATE', 'UNTIL (UTC)', 'SERIAL NUMBER'], ...rows])
    }
  }
}

export async function show(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, output: { type: 'string', short: 'o' } })
  const [what] = operands(positionals, ['NAME'])
  const format = outputFormat(values.output)
  return withEngine(values, io, async engine => {
    const record = recordOf(engine, what)
    const page = asJson(record, now())
    if (format === 'json') io.stdout.write(`${JSON.stringify({ version: 1, ...page }, undefined, 2)}\n`)
    else if (format === 'name') io.stdout.write(`${escapeText(record.name)}\n`)
    else {
      const rows = Object.entries(page).map(([key, value]) => [key, shown(value)])
      io.stdout.write((format === 'tsv' ? tsv : table)(rows))
    }
    return exitCode.ok
  })
}

function asJson(record: CertificateRecord, at: number) {
  const { name, serial, issuer, profile, alternatives, fingerprint, keyOrigin, by, revocation } = record
  return {
    name,
    serialNumber: serial,
    issuer,
    profile,
    state: stateOf(record, at),
    alternatives,
    notBefore: new Date(record.notBefore).toISOString(),
    notAfter: new Date(record.notAfter).toISOString(),
    fingerprint,
    keyOrigin,
    by,
    ...(revocation === undefined
      ? {}
      : { revokedAt: new Date(revocation.at).toISOString(), revocationReason: revocation.reason }),
  }
}

function shown(value: string | readonly string[]): string {
  return typeof value === 'string' ? escapeText(value) : value.map(text => escapeText(text)).join(', ')
}

function parseState(word: string | undefined): CertificateState | undefined {
  if (word === undefined) return undefined
  const state = states.find(known => known === word)
  if (state === undefined) throw new UsageError(`--state '${escapeText(word, 40)}' is none of ${states.join(', ')}`)
  return state
}
