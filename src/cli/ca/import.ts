// `castellan ca import`: takes over the authority that another tool made.

import { resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { CertificateEngine } from '../../pki/engine.ts'
import { importAuthority } from '../../pki/import/import-authority.ts'
import { operands, parse } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { crlLine } from './ca.ts'
import { caOptions, now, Passphrases } from './context.ts'

export async function importCa(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    'old-passphrase-file': { type: 'string' },
    url: { type: 'string' },
  })
  const [from, to] = operands(positionals, ['FROM', 'DIR'])
  const dir = resolve(to)
  const { 'old-passphrase-file': oldFile, url } = values
  const passphrases = new Passphrases(values, io)
  const old = new Passphrases(oldFile === undefined ? {} : { 'passphrase-file': oldFile }, io)
  try {
    const passphrase = await passphrases.choose('issuing', 'New passphrase for the key of the authority')
    const { kind, faults, certificates, revoked } = await importAuthority(resolve(from), dir, {
      askOldPassphrase: old.ask,
      passphrase,
      now: now(),
      ...(url === undefined ? {} : { url: url.replace(/\/$/, '') }),
    })
    io.stdout.write(`  found    ${kind}: ${certificates} certificates, ${revoked} of them revoked\n`)
    for (const fault of faults) io.stdout.write(`  fault    ${escapeText(fault, 400)}\n`)
    for (const outcome of await new CertificateEngine(dir, async () => passphrase).resignCrls(now(), true)) {
      io.stdout.write(crlLine(outcome))
    }
    io.stdout.write(`  made     ${escapeText(dir, 4096)}\n`)
    return exitCode.ok
  } finally {
    await passphrases.close()
    await old.close()
  }
}
