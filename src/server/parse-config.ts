// A whole configuration from mosquitto.conf: read, checked across options, and resolved, or refused with every fault.

import { ConfigError } from '../config/config-error.ts'
import type { ConfigFiles } from '../config/config-files.ts'
import { emptyDraft } from '../config/draft.ts'
import { parseFile } from '../config/parse.ts'
import { resolve } from '../config/resolve.ts'
import { allLogTypes } from '../observe/log-values.ts'
import { checkConfig, warningsAbout } from './check-config.ts'
import { type Config, options } from './options.ts'
import { persistenceMessages, withPersistencePlugin } from './persistence-plugin.ts'

export interface ConfigInputs {
  readonly files: ConfigFiles
  /** From `-p`; used when the file defines no listener. */
  readonly ports?: readonly number[]
  /** `-v` logs all types, `-q` none, whatever the file says. */
  readonly verbosity?: 'verbose' | 'quiet' | undefined
  /** From `--tls-keylog`; goes before the option. */
  readonly tlsKeylog?: string | undefined
  /** From `MOSQUITTO_PERSISTENCE_LOCATION`; goes before the option. */
  readonly persistenceLocation?: string | undefined
}

/**
 * Reads and checks a configuration; writes nothing.
 *
 * @param file the main file; undefined for the defaults, which is local only mode
 * @throws ConfigError with every fault; the first is the one that Mosquitto would have stopped at
 */
export function parseConfig(
  file: string | undefined,
  { files, ports = [], verbosity, tlsKeylog, persistenceLocation }: ConfigInputs,
): Config {
  const draft = file === undefined ? emptyDraft() : parseFile(options, file, files)
  if (verbosity !== undefined) draft.globals.set('log_type', verbosity === 'verbose' ? allLogTypes : [])
  if (tlsKeylog !== undefined) draft.globals.set('tls_keylog', tlsKeylog)
  if (persistenceLocation !== undefined) draft.globals.set('persistence_location', persistenceLocation)
  // The keys and values of `resolve` are those of the tables that `Config` derives from.
  const written = resolve(options, draft, ports) as unknown as Pick<Config, 'global' | 'listeners' | 'localOnly'>
  if (draft.problems.every(problem => problem.refusedBy !== 'mosquitto')) draft.problems.push(...checkConfig(written))
  if (draft.problems.length > 0) throw new ConfigError(draft.problems)
  const messages = [...draft.messages, ...persistenceMessages(written), ...warningsAbout(written)]
  return Object.freeze({
    ...withPersistencePlugin(written),
    messages: Object.freeze(messages),
    sources: Object.freeze(draft.sources),
  })
}
