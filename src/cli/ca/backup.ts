// `castellan ca backup` and `restore`.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { backupDirectory, restoreDirectory, verifyBackup } from '../../pki/backup.ts'
import { PkiConflictError } from '../../pki/errors.ts'
import { readWhole, secretMode, writeWhole } from '../../pki/files.ts'
import { operands, parse } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { caDirectory, caOptions, Passphrases, withEngine } from './context.ts'

const backupOptions = { 'backup-passphrase-file': { type: 'string' } } as const

export async function backup(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ca: caOptions.ca, ...backupOptions, 'with-root': { type: 'boolean' } })
  const [file] = operands(positionals, ['FILE'])
  if (existsSync(file)) throw new PkiConflictError(`'${escapeText(file, 4096)}' already exists; it is left alone`)
  const dir = caDirectory(values, io)
  return withEngine(values, io, async engine => {
    const passphrase = await ask(values['backup-passphrase-file'], io, true)
    const bytes = await engine.exclusive(() => backupDirectory(dir, passphrase, values['with-root'] === true))
    writeWhole(resolve(file), bytes, secretMode)
    io.stdout.write(`  wrote    ${escapeText(file, 4096)}, ${bytes.length} bytes\n`)
    return exitCode.ok
  })
}

export async function restore(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...backupOptions, verify: { type: 'boolean' } })
  const [file, dir] =
    values.verify === true ? [...operands(positionals, ['FILE']), ''] : operands(positionals, ['FILE', 'DIR'])
  const bytes = readWhole(file)
  const passphrase = await ask(values['backup-passphrase-file'], io, false)
  if (values.verify === true) {
    io.stdout.write(`  whole    ${await verifyBackup(bytes, passphrase)} files\n`)
    return exitCode.ok
  }
  const count = await restoreDirectory(bytes, passphrase, resolve(dir))
  io.stdout.write(`  restored ${count} files to ${escapeText(dir, 4096)}\n`)
  return exitCode.ok
}

async function ask(file: string | undefined, io: Io, isNew: boolean): Promise<string> {
  const passphrases = new Passphrases(file === undefined ? {} : { 'passphrase-file': file }, io)
  try {
    return isNew ? await passphrases.choose('issuing', 'Passphrase of the backup') : await passphrases.ask('the backup')
  } finally {
    await passphrases.close()
  }
}
