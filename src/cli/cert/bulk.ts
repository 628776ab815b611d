// `castellan cert bulk`: a certificate for each row of a table.

import { resolve } from 'node:path'
import { issueBulk, parseBulkTable } from '../../pki/bulk.ts'
import { parseBundleFormat } from '../../pki/bundle.ts'
import { readWhole } from '../../pki/files.ts'
import { caOptions, now, operator, withEngine } from '../ca/context.ts'
import { operands, parse, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { ProgressBar } from '../progress-bar.ts'
import type { Io } from '../verbs.ts'

export async function bulk(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    profile: { type: 'string' },
    format: { type: 'string' },
    out: { type: 'string' },
  })
  const [file] = operands(positionals, ['FILE.csv'])
  const format = parseBundleFormat(values.format ?? 'zip')
  if (format === 'dir' || format === 'p12')
    throw new UsageError(`--format ${format} is for one certificate, not for thousands`)
  if (values.out === undefined) throw new UsageError('--out DIR is missing')
  const directory = resolve(values.out)
  const rows = parseBulkTable(readWhole(file))
  return withEngine(values, io, async engine => {
    const profile = engine.openProfile(values.profile ?? 'device')
    let bar: ProgressBar | undefined
    const { issued, there } = await issueBulk(engine, {
      rows,
      profile,
      format,
      directory,
      by: operator(io),
      now,
      onStart: done => {
        bar = new ProgressBar(io, rows.length, done, now)
      },
      onProgress: done => bar?.show(done),
    })
    io.stdout.write(
      `  issued   ${issued}${there > 0 ? `, ${there} were there already` : ''}\n  wrote    ${directory}/manifest.csv\n`,
    )
    return exitCode.ok
  })
}
