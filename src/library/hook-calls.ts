// Calls what belongs to the program around the broker: whatever it does, the engine gets an answer of the right kind, in time.

import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Timer, type TimerWheel } from '../base/timer-wheel.ts'

/** Least time between two lines about one hook. */
const quietMs = 10_000

/** What a hook is asked, and how its answer is read. */
export interface Question<R> {
  /** The hook's name, for the log. */
  readonly hook: string
  call(): unknown
  /** @returns undefined for what is no answer; may throw */
  read(answer: unknown): R | undefined
  /** What counts where there is no answer. */
  readonly denial: R
}

export class HookCalls {
  /** Set when the broker begins: no hook is called before. */
  wheel: TimerWheel | undefined = undefined
  readonly #log: Log
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #toldAt = new Map<string, number>()

  /** @param limitMs how long an answer may take */
  constructor(log: Log, clock: Clock, limitMs: number) {
    this.#log = log
    this.#clock = clock
    this.#limitMs = limitMs
  }

  /** For hooks that have to answer at once. */
  now<R>(question: Question<R>): R {
    return this.#guarded(question, () => {
      const answer = question.call()
      if (!isPromise(answer)) return this.#read(question, answer)
      // Nobody waits for it: how it ends is nobody's matter.
      answer.then(ignore, ignore)
      throw new Error('it answered with a promise, and has to answer at once')
    })
  }

  /** For hooks that may take their time. The promise is never rejected. */
  soon<R>(question: Question<R>): R | Promise<R> {
    return this.#guarded<R, R | Promise<R>>(question, () => {
      const answer = question.call()
      if (!isPromise(answer)) return this.#read(question, answer)
      return this.#inTime(answer).then(
        late => this.#guarded(question, () => this.#read(question, late)),
        (error: unknown) => this.#denied(question, error),
      )
    })
  }

  /** Says that something of the program has failed, not too often. */
  complain(what: string, error: unknown): void {
    const now = this.#clock.now()
    if (now < (this.#toldAt.get(what) ?? Number.NEGATIVE_INFINITY) + quietMs) return
    this.#toldAt.set(what, now)
    this.#log.write('error', `Error: ${what} has failed: ${escapeText(textOf(error), 1024)}.`)
  }

  #guarded<R, T extends R | Promise<R>>(question: Question<R>, work: () => T): T | R {
    try {
      return work()
    } catch (error) {
      return this.#denied(question, error)
    }
  }

  #read<R>({ read }: Question<R>, answer: unknown): R {
    const said = read(answer)
    if (said === undefined) throw new Error(`it answered with ${describe(answer)}, which is no answer to it`)
    return said
  }

  #denied<R>({ hook, denial }: Question<R>, error: unknown): R {
    this.complain(`The hook '${hook}'`, error)
    return denial
  }

  #inTime(answer: PromiseLike<unknown>): Promise<unknown> {
    const { wheel } = this
    return new Promise((resolve, reject) => {
      const timer = new Timer(() => reject(new Error(`no answer within ${this.#limitMs / 1000} s (hookTimeout)`)))
      wheel?.set(timer, this.#clock.now() + this.#limitMs)
      const answered = () => wheel?.clear(timer)
      answer.then(
        value => {
          answered()
          resolve(value)
        },
        error => {
          answered()
          reject(error)
        },
      )
    })
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

/** Anything can be thrown, also what cannot be shown. */
function textOf(error: unknown): string {
  if (error instanceof Error && typeof error.message === 'string') return error.message
  return typeof error === 'string' ? error : `something of type ${typeof error} was thrown`
}

function ignore(): void {}
