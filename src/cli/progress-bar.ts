// A bar on a terminal, a line for each tenth elsewhere.

import type { Io } from './verbs.ts'

const width = 30

export class ProgressBar {
  readonly #io: Io
  readonly #total: number
  readonly #startedAt: number
  readonly #first: number
  readonly #now: () => number
  #tenth = 0

  /** @param done what was done before the start: the rate leaves it out */
  constructor(io: Io, total: number, done: number, now: () => number) {
    this.#io = io
    this.#total = total
    this.#first = done
    this.#now = now
    this.#startedAt = now()
  }

  show(done: number): void {
    const share = this.#total === 0 ? 1 : done / this.#total
    const isLast = done >= this.#total
    if (this.#io.stderr.isTTY) {
      const bar = '#'.repeat(Math.round(share * width)).padEnd(width, '.')
      this.#io.stderr.write(`\r[${bar}] ${done}/${this.#total}${this.#rate(done)}\x1b[K${isLast ? '\n' : ''}`)
      return
    }
    const tenth = Math.floor(share * 10)
    if (tenth === this.#tenth && !isLast) return
    this.#tenth = tenth
    this.#io.stderr.write(`${done}/${this.#total}\n`)
  }

  #rate(done: number): string {
    const seconds = (this.#now() - this.#startedAt) / 1000
    const perSecond = (done - this.#first) / seconds
    if (!(perSecond > 0 && Number.isFinite(perSecond))) return ''
    return `  ${Math.round(perSecond)}/s  ${Math.ceil((this.#total - done) / perSecond)} s left`
  }
}
