// Answers of a service outside, for devices that reconnect all at once: remembered until their end, and without the passwords
// that they are about.

import type { Clock } from '../base/clock.ts'
import type { ExternalAnswer, ExternalQuestion } from './external-service.ts'
import { PasswordDigest } from './password-digest.ts'

/** Most answers that are remembered; the oldest goes first. */
export const mostAnswers = 10_000

/** An answer, and how long it counts, by the clock of the cache. */
export interface TimedAnswer {
  readonly answer: ExternalAnswer
  /** Until when it is taken from memory: whoever is let in by it has time left, in which it is asked again. */
  readonly freshUntil: number
  readonly until: number
}

interface Remembered extends TimedAnswer {
  readonly username: string
}

export class AnswerCache {
  readonly #clock: Clock
  readonly #passwordDigest = new PasswordDigest()
  readonly #answers = new Map<string, Remembered>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns undefined where nothing that still counts is remembered */
  get(question: ExternalQuestion): TimedAnswer | undefined {
    const known = this.#answers.get(this.#digest(question))
    return known !== undefined && this.#clock.now() < known.freshUntil ? known : undefined
  }

  set(question: ExternalQuestion, timed: TimedAnswer): void {
    if (timed.freshUntil <= this.#clock.now()) return
    const digest = this.#digest(question)
    this.#answers.delete(digest)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size < mostAnswers) break
      this.#answers.delete(oldest)
    }
    this.#answers.set(digest, { ...timed, username: question.username })
  }

  /** What was said of a user before does not count any more. */
  forget(username: string): void {
    for (const [digest, remembered] of this.#answers) {
      if (remembered.username === username) this.#answers.delete(digest)
    }
  }

  #digest({ username, clientId, password, address, certificate }: ExternalQuestion): string {
    const claim = [username, clientId, address, certificate?.fingerprint ?? null, password !== undefined]
    return this.#passwordDigest.of(JSON.stringify(claim), Buffer.from(password ?? ''))
  }
}
