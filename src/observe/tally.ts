// A counter with a few names, such as reasons. Only words of this program may be names, never what a peer has sent: the
// number of names must stay small.

export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  /** Names that have been counted, with their totals since the start. */
  entries(): Iterable<readonly [name: string, total: number]> {
    return this.#counts
  }
}
