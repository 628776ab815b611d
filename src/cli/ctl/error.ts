// What ends `castellan ctl`: a mistake in what was typed, or what a broker refused, told apart for the exit code.

import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'

/** The command line is wrong: nothing was asked yet. */
export class CtlUsageError extends AppError {
  /** What mosquitto_ctrl exits with. */
  readonly oldCode: number
  constructor(message: string, oldCode: number = oldCodes.usage) {
    super('ERR_CLI_CTL_USAGE', message)
    this.oldCode = oldCode
  }
}

/** Something on this machine is in the way: a file, a password that does not come. */
export class CtlError extends AppError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('ERR_CLI_CTL', message, options)
  }
}

/** What a broker has not switched on that has nothing at a topic. */
const missing: ReadonlyMap<string, string> = new Map([
  ['$CONTROL/broker/v1', 'the broker needs enable_control_api true'],
  ['$CONTROL/dynamic-security/v1', 'the broker needs the plugin line of dynamic security'],
])

/** A broker carried the command not out. */
export class CommandRefused extends AppError {
  /** The broker's own words, escaped. */
  readonly why: string
  /** @param topic where it was asked */
  constructor(topic: string, command: string, error: string) {
    const why = escapeText(error)
    const cause = error === 'endpoint not available' ? missing.get(topic) : undefined
    super('ERR_CLI_CTL_COMMAND', `${command}: Error: ${why}${cause === undefined ? '' : ` (${cause})`}`)
    this.why = why
  }
}

/** mosquitto_ctrl's own, for a command line that it does not understand. */
export const oldCodes = { usage: 1, operands: 3, module: 10, command: 13 } as const
