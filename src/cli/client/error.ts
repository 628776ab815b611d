// What ends `castellan pub`, `sub` and `rr`, with both exit codes: this program's, and that of the tool of Mosquitto whose
// name it may have been called under.

import { AppError } from '../../base/errors.ts'
import { exitCode } from '../exit-code.ts'

/** The numbers of libmosquitto's errors that are exit codes of its tools. */
export const oldCodes = {
  ok: 0,
  failed: 1,
  protocol: 2,
  noConnection: 4,
  refused: 5,
  lost: 7,
  tls: 8,
  proxy: 16,
  oversize: 25,
  timeout: 27,
} as const

/** How a tool ended, to the shell. */
export interface ClientExit {
  /** What Mosquitto's tool exits with. */
  readonly oldCode: number
  /** What `castellan VERB` exits with. */
  readonly code: number
}

export const done: ClientExit = { oldCode: oldCodes.ok, code: exitCode.ok }
export const timedOut: ClientExit = { oldCode: oldCodes.timeout, code: exitCode.unreachable }
export const connectionLost: ClientExit = { oldCode: oldCodes.lost, code: exitCode.unreachable }
/** A signal came before the broker had let us in. */
export const interrupted: ClientExit = { oldCode: 255, code: exitCode.interrupted }

/** @param code of the CONNACK: the exit code of Mosquitto's tools */
export function refused(code: number): ClientExit {
  return { oldCode: code, code: exitCode.denied }
}

/** The command line is wrong: nothing was asked yet. */
export class ClientUsageError extends AppError {
  constructor(message: string) {
    super('ERR_CLI_CLIENT_USAGE', message)
  }
}

/** The tool ends, and this is why. */
export class ClientError extends AppError {
  readonly exit: ClientExit
  constructor(message: string, exit: ClientExit, options?: { cause?: unknown }) {
    super('ERR_CLI_CLIENT', message, options)
    this.exit = exit
  }
}

/** Something on this machine, or on the way, is in the way. */
export function failed(message: string, cause?: unknown): ClientError {
  return new ClientError(message, { oldCode: oldCodes.failed, code: exitCode.failed }, { cause })
}
