// What can go wrong for a program that embeds the broker.

import { AppError } from '../base/errors.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'

/** The options of `createBroker` were refused, all of them; nothing was opened. */
export class OptionsError extends AppError {
  /** One sentence each, with the option or the line that is at fault. */
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super('ERR_LIBRARY_OPTIONS', problems.join('; '))
    this.problems = problems
  }
}

/** The broker was closed, or is closing. */
export class ClosedError extends AppError {
  constructor() {
    super('ERR_LIBRARY_CLOSED', 'the broker is closed')
  }
}

/** What was given to `publish` or `subscribe`, or answered by a hook, is nothing that can be sent. */
export class MessageError extends AppError {
  constructor(message: string) {
    super('ERR_LIBRARY_MESSAGE', message)
  }
}

/** A limit of the broker, or of this process, keeps the broker from taking more; it names itself. */
export class QueueFullError extends AppError {
  constructor(limit: string) {
    super('ERR_LIBRARY_QUEUE_FULL', `${limit}, wait for those before`)
  }
}

/** The broker has refused what was asked for. */
export class RefusedError extends AppError {
  /** As in MQTT 5 (§2.4). */
  readonly reasonCode: number
  constructor(what: string, reasonCode: number) {
    super('ERR_LIBRARY_REFUSED', `${what} was refused: ${reasonName(reasonCode)}`)
    this.reasonCode = reasonCode
  }
}

/** Something was given to the broker that carries no bytes, or no connections. */
export class StreamError extends AppError {
  constructor(message: string) {
    super('ERR_LIBRARY_STREAM', message)
  }
}

/** The names of the table, as words: `notAuthorized` is "not authorized". */
export function reasonName(reasonCode: number): string {
  const [name] = Object.entries(ReasonCode).find(([, code]) => code === reasonCode) ?? []
  if (name === undefined) return `reason code 0x${reasonCode.toString(16)}`
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}
