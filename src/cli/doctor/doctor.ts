// `castellan doctor`: what is wrong with a configuration, or with what a running broker shows to strangers.

import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { UnreachableError } from '../../client/errors.ts'
import type { Report } from '../../doctor/examine.ts'
import { complain, parse, UsageError, wholeNumber } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { outputFormat } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { doctorHelp } from './help.ts'

const usualFile = '/etc/mosquitto/mosquitto.conf'
/** Bytes of a file of authorities. */
const mostAuthorityBytes = 1024 * 1024

const options = {
  'min-score': { type: 'string' },
  cafile: { type: 'string' },
  json: { type: 'boolean' },
  sarif: { type: 'boolean' },
  fix: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

/** There is nothing to examine. */
class NothingThereError extends AppError {
  constructor(message: string) {
    super('ERR_CLI_DOCTOR', message)
  }
}

/** @returns the exit code */
export async function doctor(args: readonly string[], io: Io): Promise<number> {
  try {
    return await examine(args, io)
  } catch (error) {
    const code = complain('castellan doctor', error, io, doctorHelp)
    if (error instanceof NothingThereError) return exitCode.notFound
    return error instanceof UnreachableError ? exitCode.unreachable : code
  }
}

async function examine(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, options)
  if (values.help) {
    io.stdout.write(doctorHelp)
    return exitCode.ok
  }
  if (values.fix) throw new UsageError('--fix is not there: each finding says what to write, and where')
  const least = wholeNumber(values['min-score'], 'min-score')
  if (least !== undefined && least > 100) throw new UsageError(`--min-score '${least}' is above 100`)
  const format = formatOf(values)
  const [target, ...more] = positionals
  if (more[0] !== undefined) throw new UsageError(`'${escapeText(more[0], 80)}' is one argument too many`)
  const report = await reportOn(target, values.cafile)
  const { print } = await import('./report.ts')
  io.stdout.write(print(report, format))
  return least !== undefined && report.score < least ? exitCode.invalid : exitCode.ok
}

type Format = 'table' | 'json' | 'sarif'

/** @throws UsageError */
function formatOf({ json, sarif, output }: { json?: boolean; sarif?: boolean; output?: string }): Format {
  const asked = [...(json ? ['json'] : []), ...(sarif ? ['sarif'] : []), ...(output === undefined ? [] : [output])]
  if (asked.length > 1) throw new UsageError('one of --json, --sarif and -o will do')
  const [word] = asked
  return word === 'sarif' ? word : outputFormat(word, ['table', 'json'])
}

/** What a broker reads is loaded only when it is asked for. */
async function reportOn(target: string | undefined, cafile: string | undefined): Promise<Report> {
  const { examineBroker, examineFile } = await import('../../doctor/examine.ts')
  if (target !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(target))
    return examineBroker(await brokerAt(target, cafile))
  if (cafile !== undefined) throw new UsageError('--cafile is for running brokers; of files their own cafile is read')
  const { options: table } = await import('../../server/options.ts')
  return examineFile(configurationAt(target), table)
}

/** @throws UsageError */
async function brokerAt(url: string, cafile: string | undefined) {
  const shown = escapeText(url, 200)
  const { protocol, hostname, port, username, password, pathname } = URL.canParse(url) ? new URL(url) : noUrl(shown)
  const isTls = protocol === 'mqtts:'
  if (!isTls && protocol !== 'mqtt:') throw new UsageError(`'${shown}' is neither mqtt:// nor mqtts://`)
  if (hostname === '' || !/^\/?$/.test(pathname)) throw new UsageError(`'${shown}' is not like mqtts://HOST:PORT`)
  // Nobody logs in: a password would only be told to whoever reads the command line.
  if (username !== '' || password !== '') throw new UsageError('a URL for the doctor has no user name and no password')
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    url: `${protocol}//${hostname}${port === '' ? '' : `:${port}`}`,
    host,
    port: port === '' ? (isTls ? 8883 : 1883) : Number(port),
    isTls,
    ca: cafile === undefined ? undefined : await authorities(cafile),
  }
}

function noUrl(shown: string): never {
  throw new UsageError(`'${shown}' is no URL, mqtts://HOST:PORT is one`)
}

/** @throws PkiFileError */
async function authorities(file: string): Promise<Buffer> {
  const { readWhole } = await import('../../pki/files.ts')
  return readWhole(file, mostAuthorityBytes)
}

/** @throws UsageError @throws NothingThereError */
function configurationAt(target: string | undefined): string {
  if (target === undefined) {
    if (existsSync(usualFile)) return usualFile
    throw new UsageError(`FILE is missing, and there is no ${usualFile}`)
  }
  const entry = statSync(target, { throwIfNoEntry: false })
  const shown = escapeText(target, 4096)
  if (entry === undefined) throw new NothingThereError(`there is no file '${shown}'`)
  if (!entry.isDirectory()) return target
  const file = join(target, 'mosquitto.conf')
  if (existsSync(file)) return file
  throw new NothingThereError(`there is no mosquitto.conf in '${shown}'`)
}
