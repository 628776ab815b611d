// A client's rights, narrowed by the hooks: what the rules refuse the program is not asked about, and what it refuses nobody gets.

import type { Permitted } from '../auth/principal.ts'
import type { Access } from '../auth/realm.ts'
import type { Subject } from './hooks.ts'
import type { Program } from './program.ts'

/** Topics of one client whose answers are remembered; then all of them are asked about again. */
const mostRemembered = 256
/** UTF-16 units of their names; longer ones, of which a client could have megabytes kept, are asked about each time. */
const longestRemembered = 256

export class HookedAccess implements Access {
  readonly #inner: Access
  readonly #subject: Subject
  readonly #program: Program
  /** Whether it may publish, by topic; made with the first. */
  #answers: Map<string, boolean> | undefined = undefined
  #answersVersion = 0

  constructor(inner: Access, subject: Subject, program: Program) {
    this.#inner = inner
    this.#subject = subject
    this.#program = program
  }

  get roles(): readonly string[] {
    return this.#inner.roles ?? none
  }

  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined {
    const permitted = this.#inner.publish(message)
    if (permitted === undefined) return undefined
    return this.#mayPublish(message.topicName) ? permitted : undefined
  }

  receive(topicName: string): boolean {
    return this.#inner.receive(topicName) && this.#program.permits('authorizeReceive', this.#subject, topicName)
  }

  subscribe(fullFilter: string): boolean {
    return this.#inner.subscribe(fullFilter)
  }

  unsubscribe(fullFilter: string): boolean {
    return this.#inner.unsubscribe(fullFilter)
  }

  /** The engine remembers a client's last topic, and may ask about others with each message. */
  #mayPublish(topicName: string): boolean {
    if (topicName.length > longestRemembered) return this.#program.permits('authorizePublish', this.#subject, topicName)
    const { answersVersion } = this.#program
    if (this.#answers === undefined || this.#answersVersion !== answersVersion || this.#answers.size > mostRemembered) {
      this.#answers = new Map()
      this.#answersVersion = answersVersion
    }
    const known = this.#answers.get(topicName)
    if (known !== undefined) return known
    const answer = this.#program.permits('authorizePublish', this.#subject, topicName)
    this.#answers.set(topicName, answer)
    return answer
  }
}

const none: readonly string[] = []
