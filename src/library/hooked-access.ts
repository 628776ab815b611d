// A client's rights, narrowed by the hooks: what the rules refuse the program is not asked about, and what it refuses nobody gets.

import type { Permitted } from '../auth/principal.ts'
import type { Access } from '../auth/realm.ts'
import type { Subject } from './hooks.ts'
import type { Program } from './program.ts'

export class HookedAccess implements Access {
  readonly #inner: Access
  readonly #subject: Subject
  readonly #program: Program

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
    return this.#program.permits('authorizePublish', this.#subject, message.topicName) ? permitted : undefined
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
}

const none: readonly string[] = []
