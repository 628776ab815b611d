// The ACL files that listeners name, each read once.

import { parseAclFile } from '../auth/acl-file.ts'
import type { AclRules } from '../auth/acl-rules.ts'
import { readSecretFile } from '../auth/secret-file.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'

/** A file of rules cannot be read. */
export class RulesFileError extends AppError {
  constructor(message: string, cause: unknown) {
    super('ERR_SERVER_RULES_FILE', message, { cause })
  }
}

export class AclFiles {
  readonly #log: Log
  readonly #rules = new Map<string, AclRules>()

  /** @param log told of what is odd about them */
  constructor(log: Log) {
    this.#log = log
  }

  /** @throws AclFileError or RulesFileError */
  get(path: string): AclRules {
    const known = this.#rules.get(path)
    if (known !== undefined) return known
    const { text, exposure } = readText(path)
    const { rules, warnings, notes } = parseAclFile(text, path)
    for (const line of [...exposure, ...warnings]) this.#log.write('warning', line)
    for (const line of notes) this.#log.write('information', line)
    this.#rules.set(path, rules)
    return rules
  }
}

/** As password files: no link is followed, no pipe waited for, and who else may read or write it is warned about. */
function readText(path: string): { readonly text: string; readonly exposure: readonly string[] } {
  try {
    const { bytes, warnings } = readSecretFile(path)
    return { text: bytes.toString('utf8'), exposure: warnings }
  } catch (cause) {
    const why = cause instanceof AppError ? ` ${cause.message}` : ''
    throw new RulesFileError(`Error: Unable to open acl_file "${escapeText(path)}".${why}`, cause)
  }
}
