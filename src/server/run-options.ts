// What a run of the broker is asked for on its command line, and how it tells whoever asked before there is a log.

import { systemClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { filesOnDisk } from '../config/config-files.ts'
import { readEnvironment } from './environment.ts'
import { errorLines } from './error-lines.ts'
import type { Config } from './options.ts'
import type { ConfigInputs } from './parse-config.ts'
import { dropPrivileges } from './privileges.ts'

export interface RunOptions {
  readonly configFile: string | undefined
  readonly ports: readonly number[]
  readonly verbose: boolean
  readonly quiet: boolean
  readonly testConfig: boolean
  readonly daemon: boolean
  readonly tlsKeylog?: string
  /** Called once everything listens. */
  readonly onListening?: () => void
  /** What `ps` shows of it, if not `brokerTitle`. */
  readonly title?: string
}

export type RunIo = Pick<NodeJS.Process, 'stdout' | 'stderr'>

/** As mosquitto(8) has them: stopped; a file, a port or the store cannot be used; a mistake in the configuration. */
export const exitCode = { stopped: 0, unusable: 1, configuration: 3 } as const

/** What beside its file goes into the configuration, at the start and at each reload. */
export function configInputs({ ports, verbose, quiet, tlsKeylog }: RunOptions): ConfigInputs {
  const { persistenceLocation } = readEnvironment(process.env)
  const verbosity = quiet ? 'quiet' : verbose ? 'verbose' : undefined
  return { files: filesOnDisk, ports, verbosity, tlsKeylog, persistenceLocation }
}

/** @returns the directories that were made for the user @throws AppError */
export function becomeUser({ global }: Config, directories: readonly string[]): readonly string[] {
  return dropPrivileges(global.user, directories, readEnvironment(process.env))
}

/** Says what went wrong. @throws what is no error of ours */
export function tellFault(error: unknown, io: RunIo): void {
  if (!(error instanceof AppError)) throw error
  for (const line of errorLines(error)) io.stderr.write(stamped(line))
}

/** A line as the log would write it. */
export function stamped(line: string): string {
  return `${Math.floor(systemClock().now() / 1000)}: ${line}\n`
}
