// The commands of one message as they are carried out: in their order, and a part at a time, so that whoever sends many of
// them, or passwords that have to be hashed, keeps nobody else waiting for long.

import type { PasswordEntry } from '../auth/password-file.ts'
import { CommandArguments } from './arguments.ts'
import { type Change, Snapshot } from './audit-change.ts'
import type { CommandRequest, CommandResponse } from './batch.ts'
import type { LoggedCommand } from './change-record.ts'
import { CommandContext, type ContextParts } from './command.ts'
import { findCommand } from './commands/table.ts'
import { CommandError } from './errors.ts'
import { hashPassword } from './first-start.ts'
import { textOf } from './json.ts'
import { loggedCommand } from './logged-command.ts'

/** What became of one command. */
export interface Outcome {
  readonly request: CommandRequest
  readonly response: CommandResponse
  /** The response as JSON. */
  readonly text: string
  /** What it has changed, for the log; undefined when it has changed nothing. */
  readonly logged: LoggedCommand | undefined
  /** The same for the audit, where there is one. */
  readonly change?: Change | undefined
}

/** Characters of JSON after which no further command of a message is carried out: thousands could ask for all clients each. */
const mostAnswerCharacters = 16 * 1024 * 1024
/** Passwords of one part: each takes a thread for a tenth of a second. */
const passwordsPerPart = 4
const commandsPerPart = 250
/** Milliseconds after which a part ends behind the command that is being carried out. */
const partMs = 5

/** What the commands of one part have in common. */
export interface PartContext extends Omit<ContextParts, 'password'> {
  /** Whether no change can be kept any more, see `FileKeeper.isFull`. */
  readonly isFull: boolean
}

export class BatchRun {
  readonly #requests: readonly CommandRequest[]
  readonly #isAudited: boolean
  readonly #passwords = new Map<CommandRequest, PasswordEntry>()
  #done = 0
  #answerCharacters = 0

  constructor(requests: readonly CommandRequest[], isAudited = false) {
    this.#requests = requests
    this.#isAudited = isAudited
  }

  get isDone(): boolean {
    return this.#done >= this.#requests.length
  }

  /** Off the event loop, before the commands are carried out: nothing comes between these then. */
  async hashPasswords(): Promise<void> {
    for (const request of this.#part()) {
      const password = this.#passwords.has(request) ? undefined : passwordOf(request)
      if (password !== undefined) this.#passwords.set(request, await hashPassword(password))
    }
  }

  /**
   * Carries out what `hashPasswords` has made ready, or as much of it as the time of a part is enough for.
   *
   * @param now milliseconds of any clock
   */
  carryOut({ isFull, ...parts }: PartContext, now: () => number): readonly Outcome[] {
    const outcomes: Outcome[] = []
    const end = now() + partMs
    for (const request of this.#part()) {
      const outcome = this.#run(request, { ...parts, password: this.#passwords.get(request) }, isFull)
      this.#passwords.delete(request)
      this.#answerCharacters += outcome.text.length
      this.#done++
      outcomes.push(outcome)
      if (now() >= end) break
    }
    return outcomes
  }

  /** What comes next, up to the password that is one too many. */
  #part(): readonly CommandRequest[] {
    const next = this.#requests.slice(this.#done, this.#done + commandsPerPart)
    let passwords = 0
    const end = next.findIndex(request => passwordOf(request) !== undefined && ++passwords > passwordsPerPart)
    return end === -1 ? next : next.slice(0, end)
  }

  #run(request: CommandRequest, parts: ContextParts, isFull: boolean): Outcome {
    const { name, correlationData, given } = request
    const known = findCommand(name)
    if (this.#answerCharacters >= mostAnswerCharacters) return refused(request, 'Answer too large')
    if (known === undefined) return refused(request, 'Unknown command')
    const { changes } = known.command
    if (changes && isFull) return refused(request, 'Too many changes wait for the disk')
    const before = this.#isAudited && changes ? new Snapshot(parts.state, given) : undefined
    try {
      const data = known.command.run(new CommandArguments(given), new CommandContext(parts, known.name))
      const logged = changes ? loggedCommand(known.name, given, parts.password) : undefined
      return { ...outcomeOf(request, { command: name, data, correlationData }, logged), change: before?.change() }
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      return refused(request, error.message)
    }
  }
}

/** It holds, but may be forgotten: nobody is told that it was done. */
export function unsaved({ response: { command, correlationData } }: Outcome): string {
  return JSON.stringify({ command, error: 'Internal error', correlationData } satisfies CommandResponse)
}

function refused(request: CommandRequest, error: string): Outcome {
  const { name, correlationData } = request
  return outcomeOf(request, { command: name, error, correlationData }, undefined)
}

function outcomeOf(request: CommandRequest, response: CommandResponse, logged: LoggedCommand | undefined): Outcome {
  return { request, response, text: JSON.stringify(response), logged }
}

/** @returns undefined where there is nothing to hash */
function passwordOf({ name, given }: CommandRequest): string | undefined {
  const takesOne = findCommand(name)?.command.takesPassword === true
  return (takesOne && textOf(given, 'password')) || undefined
}
