// What Tab offers in the shell of `castellan ctl`: commands, the words that an argument can be, and the names of users, groups and
// roles that the broker has now.

import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { isObject, member } from '../../dynsec/json.ts'
import { dynsecModule } from './dynsec.ts'
import { ask, type Login } from './exchange.ts'
import { choices } from './operands.ts'

/** What of a broker has a name, by the operand that it is. */
const listings = { username: 'clients', groupname: 'groups', rolename: 'roles' } as const
export type NamedThing = (typeof listings)[keyof typeof listings]

export interface CompletionSource {
  /** The commands that can be typed here. */
  readonly commands: readonly string[]
  /** What a command takes, see `readOperands`; undefined for one that takes nothing. */
  syntaxOf(command: string): string | undefined
  /** Asks the broker. @throws nothing: without an answer there is nothing to offer */
  names(things: NamedThing): Promise<readonly string[]>
}

/** @returns what the word before the cursor can become, and that word */
export async function completions(line: string, source: CompletionSource): Promise<[string[], string]> {
  const typed = /\S*$/.exec(line)?.[0] ?? ''
  const before = line
    .slice(0, line.length - typed.length)
    .split(/\s+/)
    .filter(Boolean)
  const start = typed.toLowerCase()
  const candidates = await candidatesAfter(before, source)
  const fitting = candidates.filter(word => isTypable(word) && word.toLowerCase().startsWith(start))
  return [fitting.length === 1 ? [`${fitting[0]} `] : fitting, typed]
}

async function candidatesAfter([command, ...operands]: readonly string[], source: CompletionSource) {
  if (command === undefined || (/^help$/i.test(command) && operands.length === 0)) return source.commands
  const known = source.commands.find(name => name.toLowerCase() === command.toLowerCase())
  const operand = known && source.syntaxOf(known)?.split(' ')[operands.length]?.replace('?', '')
  if (known === undefined || operand === undefined) return []
  const things = listings[operand as keyof typeof listings]
  // Of what is to be made there is no name yet.
  if (things !== undefined) return known.startsWith('create') ? [] : source.names(things)
  return choices[operand] ?? []
}

const listCommands = { clients: 'listClients', groups: 'listGroups', roles: 'listRoles' } as const

/** Asks a broker for all names; whoever may not ask, or gets no answer, is offered none. */
export async function listNames(login: Login, things: NamedThing): Promise<readonly string[]> {
  try {
    const data = member(await ask(login, dynsecModule.topic, { command: listCommands[things] }), 'data')
    const names = isObject(data) ? member(data, things) : undefined
    return Array.isArray(names) ? names.filter(name => typeof name === 'string') : []
  } catch (error) {
    if (error instanceof AppError) return []
    throw error
  }
}

/** A name with blanks or quotes has to be typed; one that would move the cursor is not shown. */
function isTypable(word: string): boolean {
  return /^[^\s"']+$/.test(word) && escapeText(word, word.length) === word
}
