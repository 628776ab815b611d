// The rules that `castellan acl` asks without a broker: those of a mosquitto.conf, or of files that are named.

import { existsSync } from 'node:fs'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import type { Log } from '../../base/log.ts'
import { ConfigError } from '../../config/config-error.ts'
import type { JsonObject } from '../../dynsec/json.ts'
import { UsageError } from '../command.ts'
import type { Io } from '../verbs.ts'
import { type ClientQuestion, holderNamed } from './question.ts'

export const ruleOptions = {
  'config-file': { type: 'string', short: 'c' },
  'acl-file': { type: 'string' },
  'dynsec-file': { type: 'string' },
  listener: { type: 'string' },
} as const

export type RuleValues = { readonly [K in keyof typeof ruleOptions]?: string | undefined }

/** @returns an answer for each set of rules that listeners have */
export type AskRules = (asked: ClientQuestion) => readonly JsonObject[]

/** A file of rules cannot be read, or is none. */
export class AclSourceError extends AppError {
  constructor(lines: readonly string[], cause: unknown) {
    super('ERR_CLI_ACL', lines.join('\n'), { cause })
  }
}

/**
 * Reads the files; what is odd about them is told on standard error.
 *
 * @throws UsageError for options that do not go together
 * @throws AclSourceError
 */
export async function openRules(values: RuleValues, io: Io): Promise<AskRules> {
  const { 'config-file': config, 'acl-file': acl, 'dynsec-file': dynamicSecurity, listener } = values
  checkOptions(values)
  const { askJudges, judgeOfFiles, judgesOfConfig } = await import('../../server/explain-access.ts')
  const { errorLines } = await import('../../server/error-lines.ts')
  const log = warningsTo(io)
  try {
    const all = config === undefined ? [judgeOfFiles(acl, dynamicSecurity, log)] : judgesOfConfig(config, log)
    const judges = listener === undefined ? all : all.filter(judge => isListener(judge.listener, listener))
    if (judges.length === 0) throw noListener(listener, all)
    return ({ username, clientId, question, circumstances }) =>
      askJudges(judges, { candidate: holderNamed(username), clientId, question, ...circumstances })
  } catch (error) {
    if (!(error instanceof AppError) || error instanceof UsageError) throw error
    throw new AclSourceError(error instanceof ConfigError ? error.lines : errorLines(error), error)
  }
}

function checkOptions(values: RuleValues): void {
  const { 'config-file': config, 'acl-file': acl, 'dynsec-file': dynamicSecurity, listener } = values
  const areNamed = acl !== undefined || dynamicSecurity !== undefined
  if (config !== undefined && areNamed)
    throw new UsageError('-c names the files itself: not with --acl-file, --dynsec-file')
  if (config === undefined && !areNamed) {
    throw new UsageError(
      'whose rules? -c mosquitto.conf, --acl-file or --dynsec-file (for `check` also a broker, by --url)',
    )
  }
  if (config === undefined && listener !== undefined) throw new UsageError('--listener goes with -c')
  if (dynamicSecurity !== undefined && !existsSync(dynamicSecurity)) {
    throw new UsageError(`there is no file '${escapeText(dynamicSecurity, 4096)}'`)
  }
}

/** `127.0.0.1:1883` by all of it, or by its port. */
function isListener(name: string, asked: string): boolean {
  return name === asked || name.endsWith(`:${asked}`)
}

function noListener(asked: string | undefined, all: readonly { readonly listener: string }[]): UsageError {
  const known = all.map(({ listener }) => escapeText(listener)).join(', ')
  return new UsageError(`no listener '${escapeText(asked ?? '', 64)}'; there are ${known}`)
}

/** Who asks need not be the broker's account: that a file is somebody else's is right then, and `chown` would lock the broker out. */
const owner = /^Warning: File .* owner is not |^To fix this, use `chown /

function warningsTo({ stderr }: Io): Log {
  return {
    enabled: type => type === 'warning',
    write: (type, line) => {
      if (type === 'warning' && !owner.test(line)) stderr.write(`${line}\n`)
    },
  }
}
