// What is wrong with a configuration: every fault that was found, each in Mosquitto's words with its place.

import { AppError } from '../base/errors.ts'

export interface Location {
  readonly file: string
  readonly line: number
}

export interface ConfigProblem {
  /** Who would refuse it: Mosquitto's own refusals are printed first, as it would stop at the first of them. */
  readonly refusedBy: 'mosquitto' | 'castellan'
  /** One line, `Error: …`. */
  readonly message: string
  /** Innermost first: the line of an included file, then its `include_dir` line. Empty when no one line is at fault. */
  readonly locations: readonly Location[]
  /** What would have been right. */
  readonly hint?: string | undefined
}

/** The configuration was refused as a whole; nothing of it takes effect. */
export class ConfigError extends AppError {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort(
      (a, b) => Number(b.refusedBy === 'mosquitto') - Number(a.refusedBy === 'mosquitto'),
    )
    super('ERR_CONFIG', sorted[0]?.message ?? 'configuration refused')
    this.problems = sorted
  }

  /** The lines to print, in order: each fault, where it is, what would have been right. */
  get lines(): readonly string[] {
    return this.problems.flatMap(({ message, locations, hint }) => [
      message,
      ...locations.map(({ file, line }) => `Error found at ${file}:${line}.`),
      ...(hint === undefined ? [] : [hint]),
    ])
  }
}
