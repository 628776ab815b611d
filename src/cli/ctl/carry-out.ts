// One command of `castellan ctl` as it was typed: made into what is sent, and the answer printed.

import { safeJson } from '../../audit/present.ts'
import { escapeText } from '../../base/escape.ts'
import { isObject, type JsonObject, member, textOf } from '../../dynsec/json.ts'
import type { CtlCommand } from './command.ts'
import { CommandRefused, CtlUsageError, oldCodes } from './error.ts'
import { ask, type Login } from './exchange.ts'
import { readOperands } from './operands.ts'
import type { Prompts } from './prompts.ts'

type NamedCommand = readonly [name: string, command: CtlCommand]

/** Where answers go, and in which form. */
export interface Printing {
  readonly stdout: Pick<NodeJS.WritableStream, 'write'>
  /** The response as it came, but that nothing in it steers the terminal. */
  readonly json: boolean
}

/** Names are compared without regard to case. @throws CtlUsageError for a name that is none */
export function findCommand(commands: Readonly<Record<string, CtlCommand>>, word: string): NamedCommand {
  const lower = word.toLowerCase()
  const found = Object.entries(commands).find(([name]) => name.toLowerCase() === lower)
  if (found !== undefined) return found
  throw new CtlUsageError(`Command '${escapeText(word, 64)}' not recognised.`, oldCodes.command)
}

/**
 * @throws CtlUsageError for words that do not fit the command
 * @throws CommandRefused with the broker's own words
 * @throws UnreachableError
 * @throws RefusedError when the broker lets nobody in, or does not take the question
 */
export async function carryOut(
  login: Login,
  topic: string,
  [command, { syntax, given, lines }]: NamedCommand,
  operands: readonly string[],
  prompts: Prompts,
  { stdout, json }: Printing,
): Promise<void> {
  const members = given === undefined ? readOperands(syntax, operands) : await given(operands, prompts)
  const response = await ask(login, topic, { command, ...members })
  if (json) stdout.write(`${safeJson(response)}\n`)
  const error = textOf(response, 'error')
  if (error !== undefined) throw new CommandRefused(topic, command, error)
  if (!json) for (const line of lines?.(dataOf(response)) ?? []) stdout.write(`${line}\n`)
}

function dataOf(response: JsonObject): JsonObject {
  const data = member(response, 'data')
  return isObject(data) ? data : {}
}
