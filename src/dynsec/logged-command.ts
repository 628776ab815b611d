// What the change log has of a command, and how it is carried out again: with the hash of its password, never the password.

import { type PasswordEntry, parsePasswordEntry } from '../auth/password-file.ts'
import { formatPasswordHash, PasswordHashError } from '../auth/password-hash.ts'
import { silentLog } from '../base/log.ts'
import { CommandArguments } from './arguments.ts'
import type { LoggedCommand } from './change-record.ts'
import { CommandContext } from './command.ts'
import { findCommand } from './commands/table.ts'
import { Effects } from './effects.ts'
import { CommandError } from './errors.ts'
import { type JsonObject, textOf } from './json.ts'
import type { SecurityState } from './state.ts'

/** Written by us or by nobody: in lower case, as names of members are compared. */
const own: readonly string[] = ['command', 'correlationdata', 'password', 'encoded_password']

/**
 * @param name as it is documented
 * @param given what the command was sent with
 * @param password its hash; undefined when it has none
 */
export function loggedCommand(name: string, given: JsonObject, password: PasswordEntry | undefined): LoggedCommand {
  const kept = Object.entries(given).filter(([key]) => !own.includes(key.toLowerCase()))
  const hash = password && { encoded_password: formatPasswordHash(password.hash) }
  return { command: name, ...Object.fromEntries(kept), ...hash }
}

/**
 * Carries out commands once more, each as far as it can be.
 *
 * @returns what could not be done: the number of the change, the command and why
 */
export function redo(state: SecurityState, commands: readonly LoggedCommand[]): readonly string[] {
  const failures: string[] = []
  for (const command of commands) {
    // Whether or not it can be done: the number is what tells where the log goes on.
    state.changeIndex++
    const failure = redoOne(state, command)
    if (failure !== undefined) failures.push(`${state.changeIndex} (${textOf(command, 'command') ?? ''}): ${failure}`)
  }
  return failures
}

function redoOne(state: SecurityState, logged: LoggedCommand): string | undefined {
  const known = findCommand(textOf(logged, 'command') ?? '')
  if (known === undefined) return 'Unknown command'
  const hash = textOf(logged, 'encoded_password')
  try {
    const password = hash === undefined ? undefined : parsePasswordEntry(hash)
    const parts = {
      state,
      effects: new Effects(),
      log: silentLog,
      requester: '',
      password,
      addressesOf: () => [],
    }
    // Commands want to see that there is a password, and take its hash.
    const given = hash === undefined ? logged : { ...logged, password: hash }
    known.command.run(new CommandArguments(given), new CommandContext(parts, known.name))
    return undefined
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof PasswordHashError)) throw error
    return error.message
  }
}
