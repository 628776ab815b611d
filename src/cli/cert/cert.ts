// `castellan cert`: issues certificates and looks after them.

import { existsSync } from 'node:fs'
import { escapeText } from '../../base/escape.ts'
import type { CertificateEngine, Revocation } from '../../pki/engine.ts'
import { readWhole } from '../../pki/files.ts'
import { findByBytes, findCertificate } from '../../pki/find-certificate.ts'
import type { CertificateRecord } from '../../pki/inventory.ts'
import { type RevocationReason, revocationReasons } from '../../pki/revocation-reasons.ts'
import { crlLine } from '../ca/ca.ts'
import { caOptions, now, withEngine } from '../ca/context.ts'
import { type Action, operands, parse, runAction, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { certHelp } from './help.ts'

/** `castellan cert ACTION …`. @returns the exit code */
export function cert(args: readonly string[], io: Io): Promise<number> {
  return runAction('cert', certHelp.page, actions, args, io)
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['issue', { help: certHelp.issue, run: async (args, io) => (await import('./issue.ts')).issue(args, io) }],
  ['sign', { help: certHelp.sign, run: async (args, io) => (await import('./issue.ts')).sign(args, io) }],
  ['renew', { help: certHelp.renew, run: async (args, io) => (await import('./issue.ts')).renew(args, io) }],
  ['bundle', { help: certHelp.bundle, run: async (args, io) => (await import('./issue.ts')).bundle(args, io) }],
  ['verify', { help: certHelp.verify, run: async (args, io) => (await import('./verify.ts')).verify(args, io) }],
  ['bulk', { help: certHelp.bulk, run: async (args, io) => (await import('./bulk.ts')).bulk(args, io) }],
  ['list', { help: certHelp.list, run: async (args, io) => (await import('./list.ts')).list(args, io) }],
  ['expiring', { help: certHelp.expiring, run: async (args, io) => (await import('./list.ts')).expiring(args, io) }],
  ['show', { help: certHelp.show, run: async (args, io) => (await import('./list.ts')).show(args, io) }],
  ['revoke', { help: certHelp.revoke, run: revoke }],
  ['hold', { help: certHelp.hold, run: hold }],
  ['unhold', { help: certHelp.unhold, run: unhold }],
  ['inspect', { help: certHelp.inspect, run: async (args, io) => (await import('./inspect.ts')).inspect(args, io) }],
  ['lint', { help: certHelp.lint, run: async (args, io) => (await import('./inspect.ts')).lint(args, io) }],
])

async function revoke(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, reason: { type: 'string' }, ...outputOption })
  const reason = parseReason(values.reason ?? 'unspecified')
  return change(values, positionals, io, 'revoked', (engine, records) => engine.revoke(records, reason, now()))
}

async function hold(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, ...outputOption })
  return change(values, positionals, io, 'held', (engine, records) => engine.revoke(records, 'certificateHold', now()))
}

async function unhold(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, ...outputOption })
  return change(values, positionals, io, 'released', (engine, records) => engine.release(records, now()))
}

const outputOption = { output: { type: 'string', short: 'o' } } as const

type ChangeValues = Parameters<typeof withEngine>[0] & { readonly output?: string | undefined }

/** A new state of one or more certificates, and the lists that tell of it. */
async function change(
  values: ChangeValues,
  whats: readonly string[],
  io: Io,
  did: string,
  work: (engine: CertificateEngine, records: readonly CertificateRecord[]) => Promise<Revocation>,
): Promise<number> {
  if (whats.length === 0) operands(whats, ['NAME'])
  const json = wantsJson(values.output)
  return withEngine(values, io, async engine => {
    const records = whats.map(what => recordOf(engine, what))
    const { changed, crls } = await work(engine, records)
    if (json) {
      const certificates = records.map(({ name, serial, issuer }) => ({ name, serialNumber: serial, issuer }))
      io.stdout.write(`${JSON.stringify({ version: 1, did, changed, certificates, crls }, undefined, 2)}\n`)
    } else {
      for (const { name, serial } of records)
        io.stdout.write(`  ${did.padEnd(8)} ${escapeText(name)}, serial number ${serial}\n`)
      if (changed < records.length)
        io.stdout.write(`  note     ${records.length - changed} of them had been ${did} before\n`)
      for (const outcome of crls) if (outcome.outcome !== 'fresh') io.stdout.write(crlLine(outcome))
    }
    const touched = new Set(records.map(({ issuer }) => issuer))
    const unpublished = crls.some(({ outcome, issuer }) => outcome === 'locked' && touched.has(issuer))
    return unpublished ? exitCode.partial : exitCode.ok
  })
}

/** A file when there is one of that name, else a name, serial number or fingerprint. */
export function recordOf(engine: CertificateEngine, what: string): CertificateRecord {
  const isFile = /[./]/.test(what) && existsSync(what)
  return isFile ? findByBytes(engine.inventory, readWhole(what)) : findCertificate(engine.inventory, what, now())
}

/** @throws UsageError */
export function parseReason(word: string): RevocationReason {
  const names = Object.keys(revocationReasons) as RevocationReason[]
  const found = names.find(
    name => name.toLowerCase() === word.toLowerCase() || String(revocationReasons[name]) === word,
  )
  if (found === undefined) {
    const known = names.filter(name => name !== 'removeFromCRL').map(name => `${name} (${revocationReasons[name]})`)
    throw new UsageError(`unknown reason '${escapeText(word, 40)}'; it is one of ${known.join(', ')}`)
  }
  return found
}
