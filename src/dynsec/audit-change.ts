// What commands tell the audit: what was asked, what became of it, and the entries that it names as they were and as they are.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Facts, NoteCommand } from '../audit/event.ts'
import type { CommandRequest, CommandResponse } from './batch.ts'
import { type JsonObject, textOf } from './json.ts'
import { byPriority, type Client, type Group, noPriority, type Role, textsOf } from './model.ts'
import type { Named } from './name-table.ts'
import type { SecurityState } from './state.ts'

/** Only what differs. */
export interface Change {
  readonly before: Facts | undefined
  readonly after: Facts | undefined
}

/** What became of one command. */
export interface AuditedOutcome {
  readonly request: CommandRequest
  readonly response: CommandResponse
  readonly hasChanged: boolean
  readonly change?: Change | undefined
}

/** Commands that are told in one turn, which takes some milliseconds. */
const commandsPerTurn = 128

/**
 * Tells of commands of one message, in their order.
 *
 * @param isSafe whether what they have changed will last
 */
export async function noteOutcomes(
  note: NoteCommand | undefined,
  outcomes: readonly AuditedOutcome[],
  isSafe: boolean,
): Promise<void> {
  if (note === undefined) return
  for (const [index, { request, response, hasChanged, change }] of outcomes.entries()) {
    // Several messages' worth may be told one after the other.
    if (outcomes.length > 1 && index % commandsPerTurn === 0) await nextTurn()
    const { name, given } = request
    const { error } = response
    const outcome = error !== undefined ? 'refused' : hasChanged && !isSafe ? 'failed' : 'done'
    note({ command: name, given, outcome, error, ...change })
  }
}

/** Tells what the rest of a message is answered with, which holds no command. */
export function noteFault(note: NoteCommand | undefined, { command, error }: CommandResponse): void {
  note?.({ command, given: {}, outcome: 'refused', error })
}

/** The state before a command, as far as the command names it. */
export class Snapshot {
  readonly #state: SecurityState
  readonly #given: JsonObject
  readonly #before: Entries

  constructor(state: SecurityState, given: JsonObject) {
    this.#state = state
    this.#given = given
    this.#before = entriesOf(state, given)
  }

  /** After the command. */
  change(): Change {
    return difference(this.#before, entriesOf(this.#state, this.#given))
  }
}

/** @returns of each entry the members that differ; of lists what was taken away and what was added */
export function difference(before: Entries, after: Entries): Change {
  const [was, is]: [Record<string, Facts>, Record<string, Facts>] = [{}, {}]
  for (const name of Object.keys({ ...before, ...after })) {
    const [old, now] = [before[name], after[name]]
    const change = differingMembers(old ?? {}, now ?? {})
    if (old !== undefined && Object.keys(change.before).length > 0) was[name] = change.before
    if (now !== undefined && Object.keys(change.after).length > 0) is[name] = change.after
  }
  return { before: orNothing(was), after: orNothing(is) }
}

/** By kind; undefined for what is not there. */
export type Entries = Readonly<Record<string, Facts | undefined>>

function entriesOf(state: SecurityState, given: JsonObject): Entries {
  const [username, groupname, rolename] = ['username', 'groupname', 'rolename'].map(key => textOf(given, key))
  const client = username === undefined ? undefined : state.clients.get(username)
  const group = groupname === undefined ? undefined : state.groups.get(groupname)
  const role = rolename === undefined ? undefined : state.roles.get(rolename)
  return {
    client: client && clientFacts(client),
    group: group && groupFacts(group),
    role: role && roleFacts(role),
    defaultAccess: { ...state.defaultAccess },
    anonymousGroup: { groupname: state.anonymousGroup?.name },
  }
}

function clientFacts(client: Client): Facts {
  return {
    username: client.name,
    clientid: client.clientId,
    ...textsOf(client),
    disabled: client.isDisabled,
    // Compared, and masked; nothing where there is none.
    password: client.password ?? null,
    roles: named(client.roles),
    groups: named(client.groups),
  }
}

function groupFacts(group: Group): Facts {
  return { groupname: group.name, ...textsOf(group), roles: named(group.roles), clients: group.clients.size }
}

function roleFacts(role: Role): Facts {
  return {
    rolename: role.name,
    ...textsOf(role),
    allowwildcardsubs: role.allowWildcardSubs,
    acls: role.acls.map(
      ({ type, topic, priority, allow }) => `${type} ${allow ? 'allow' : 'deny'} ${topic} priority ${priority}`,
    ),
    clients: role.clients.size,
    groups: role.groups.size,
  }
}

function named(priorities: ReadonlyMap<Named, number>): readonly string[] {
  return byPriority(priorities).map(([{ name }, priority]) =>
    priority === noPriority ? name : `${name} priority ${priority}`,
  )
}

function differingMembers(before: Facts, after: Facts): { readonly before: Facts; readonly after: Facts } {
  const [was, is]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}]
  for (const name of Object.keys({ ...before, ...after })) {
    const [old, now] = [before[name], after[name]]
    if (Array.isArray(old) && Array.isArray(now)) {
      const [gone, added] = [without(old, now), without(now, old)]
      if (gone.length > 0) was[name] = gone
      if (added.length > 0) is[name] = added
    } else if (old !== now) {
      was[name] = old
      is[name] = now
    }
  }
  return { before: was, after: is }
}

function without(list: readonly unknown[], other: readonly unknown[]): readonly unknown[] {
  const others = new Set(other)
  return list.filter(entry => !others.has(entry))
}

function orNothing(facts: Facts): Facts | undefined {
  return Object.keys(facts).length === 0 ? undefined : facts
}
