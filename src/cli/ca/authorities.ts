// `castellan ca list`, `lock`, `unlock`, `rotate`, `sign-issuing` and `export`: the authorities of a directory, one by one.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import type { CertificateEngine } from '../../pki/engine.ts'
import { PkiConflictError } from '../../pki/errors.ts'
import { exportAuthority } from '../../pki/export-authority.ts'
import { publicMode, readWhole, writeWhole } from '../../pki/files.ts'
import { livingOf, rotateAuthority, signForeignAuthority } from '../../pki/issuing-authorities.ts'
import { lockAuthority, unlockAuthority } from '../../pki/locked-authority.ts'
import { parseKeyType } from '../../pki/private-key.ts'
import type { IssuerKind } from '../../pki/profiles.ts'
import { operands, parse, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { outputFormat, shortTime, table, tsv, wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { crlLine } from './ca.ts'
import { caOptions, now, operator, withEngine } from './context.ts'

const outputOption = { output: { type: 'string', short: 'o' } } as const

export async function list(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, ...outputOption })
  operands(positionals, [])
  const format = outputFormat(values.output)
  return withEngine(values, io, async engine => {
    const authorities = engine.description.authorities.map(({ id }) => describe(engine, id))
    if (format === 'json') io.stdout.write(json({ authorities }))
    else if (format === 'name') io.stdout.write(authorities.map(({ id }) => `${id}\n`).join(''))
    else {
      const rows = authorities.map(one => [
        one.id,
        one.state,
        one.issues.join(' ') || 'authorities',
        one.key,
        shortTime(Date.parse(one.notAfter)),
        String(one.living),
        one.crl ?? 'none',
      ])
      const head = ['ID', 'STATE', 'ISSUES', 'KEY', 'UNTIL (UTC)', 'CERTIFICATES', 'LIST']
      io.stdout.write((format === 'tsv' ? tsv : table)([head, ...rows]))
    }
    return exitCode.ok
  })
}

function describe(engine: CertificateEngine, id: string) {
  const { issues = [], replacedBy } = engine.description.authorities.find(one => one.id === id) ?? {}
  const { notAfter } = engine.issuer(id)
  const crl = engine.inventory.lastCrl(id)
  const path = engine.files.privateKey(id)
  const isEncrypted = existsSync(path) && readWhole(path, 1 << 16).includes('ENCRYPTED')
  return {
    id,
    state:
      notAfter <= now()
        ? 'expired'
        : replacedBy !== undefined
          ? 'replaced'
          : engine.keys.isLocked
            ? 'locked'
            : 'active',
    ...(replacedBy === undefined ? {} : { replacedBy }),
    issues,
    key: existsSync(path) ? (isEncrypted ? 'encrypted' : 'in the clear') : 'elsewhere',
    notAfter: new Date(notAfter).toISOString(),
    living: livingOf(engine, id, now()),
    crl: crl === undefined ? null : `#${crl.number} until ${shortTime(crl.nextUpdate)}`,
  }
}

export async function lock(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, caOptions)
  operands(positionals, [])
  return withEngine(values, io, async engine => {
    const isNew = await lockAuthority(engine, now(), operator(io))
    const line =
      '  locked   nothing is signed here until castellan ca unlock, by no process; lists and OCSP are served as they are\n'
    io.stdout.write(isNew ? line : '  locked   it was locked before\n')
    return exitCode.ok
  })
}

export async function unlock(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, caOptions)
  operands(positionals, [])
  return withEngine(values, io, async engine => {
    const wasLocked = await unlockAuthority(engine)
    io.stdout.write(
      wasLocked ? '  unlocked whoever has the passphrase may sign again\n' : '  unlocked it was not locked\n',
    )
    return exitCode.ok
  })
}

export async function rotate(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, ...outputOption, 'key-type': { type: 'string' } })
  const [id] = operands(positionals, ['ID'])
  const asJson = wantsJson(values.output)
  const keyType = parseKeyType(values['key-type'] ?? 'ec-p256')
  return withEngine(values, io, async engine => {
    const { from, to, living, crls } = await rotateAuthority(engine, id, { keyType, now: now(), by: operator(io) })
    if (asJson) {
      io.stdout.write(json({ from, to, living, crls }))
      return exitCode.ok
    }
    io.stdout.write(`  made     ${to}, which issues from now on
  replaced ${from}: it signs its list until its ${living} certificates are renewed or have ended
  trust    both are in trust/devices.pem; castellan ca list tells how many certificates each has\n`)
    for (const outcome of crls) if (outcome.outcome !== 'fresh') io.stdout.write(crlLine(outcome))
    return exitCode.ok
  })
}

export async function signIssuing(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    ...outputOption,
    issues: { type: 'string' },
    name: { type: 'string' },
    out: { type: 'string' },
  })
  const [file] = operands(positionals, ['REQUEST.csr'])
  if (values.out === undefined) throw new UsageError('--out FILE is missing')
  const out = resolve(values.out)
  if (existsSync(out)) throw new PkiConflictError(`'${escapeText(out, 4096)}' already exists; it is left alone`)
  const asJson = wantsJson(values.output)
  const request = { request: readWhole(file, 1 << 16), kind: kindOf(values.issues), name: values.name }
  return withEngine(values, io, async engine => {
    const signed = await signForeignAuthority(engine, { ...request, now: now(), by: operator(io) })
    writeWhole(out, signed.chain, publicMode)
    const notAfter = new Date(signed.notAfter).toISOString()
    if (asJson) io.stdout.write(json({ name: signed.name, serialNumber: signed.serial, notAfter, file: out }))
    else {
      io.stdout.write(`  signed   ${escapeText(signed.name)}, serial number ${signed.serial}, until ${notAfter.slice(0, 10)}
  wrote    ${escapeText(out, 4096)}\n`)
    }
    return exitCode.ok
  })
}

/** @throws UsageError */
function kindOf(word: string | undefined): IssuerKind {
  if (word === 'server' || word === 'device') return word
  throw new UsageError(`--issues '${escapeText(word ?? '', 40)}' is none of server, device`)
}

export async function exportCa(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, 'with-key': { type: 'boolean' } })
  const [id, dir] = operands(positionals, ['ID', 'DIR'])
  return withEngine(values, io, async engine => {
    const count = await exportAuthority(engine, resolve(dir), { id, withKey: values['with-key'] === true })
    io.stdout.write(
      `  wrote    ${escapeText(dir, 4096)}: ${count} certificates, as openssl ca and castellan ca import read them\n`,
    )
    return exitCode.ok
  })
}

function json(page: Record<string, unknown>): string {
  return `${JSON.stringify({ version: 1, ...page }, undefined, 2)}\n`
}
