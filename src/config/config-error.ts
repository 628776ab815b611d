// What is wrong with a configuration: every fault that was found, each in Mosquitto's words with its place.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

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

/** Linux's PATH_MAX: a file name is told whole. */
const longestPath = 4096

/** `<file>:<line>`, safe to show: a name that `include_dir` found may hold anything. */
export function placeOf({ file, line }: Location): string {
  return `${escapeText(file, longestPath)}:${line}`
}

/** The configuration was refused as a whole; nothing of it takes effect. */
export class ConfigError extends AppError {
  readonly problems: readonly ConfigProblem[]
  constructor(problems: readonly ConfigProblem[]) {
    const sorted = [...problems].sort(
      (a, b) => Number(b.refusedBy === 'mosquitto') - Number(a.refusedBy === 'mosquitto'),
    )
    super('ERR_CONFIG_REFUSED', sorted[0]?.message ?? 'configuration refused')
    this.problems = sorted
  }

  /** The lines to print, in order: each fault, where it is, what would have been right. */
  get lines(): readonly string[] {
    return this.problems.flatMap(({ message, locations, hint }) => [
      message,
      ...locations.map(location => `Error found at ${placeOf(location)}.`),
      ...(hint === undefined ? [] : [hint]),
    ])
  }
}
