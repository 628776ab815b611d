// A queue of several lines that are served in turn, one place of each: however long one line is, the next of another line
// waits behind one of its places, not behind all.

export class FairQueue<T> {
  /** In the order of their turn; a line without anybody in it is gone. */
  readonly #lines = new Map<string, Set<T>>()
  #length = 0

  /** Of all lines together. */
  get length(): number {
    return this.#length
  }

  /** @param item not in this line yet */
  push(line: string, item: T): void {
    const items = this.#lines.get(line)
    if (items === undefined) this.#lines.set(line, new Set([item]))
    else items.add(item)
    this.#length++
  }

  /** Takes out the first of the line whose turn it is; that line's next turn comes after all others. */
  shift(): T | undefined {
    for (const [line, items] of this.#lines) {
      this.#lines.delete(line)
      if (items.size > 1) this.#lines.set(line, items)
      for (const item of items) {
        items.delete(item)
        this.#length--
        return item
      }
    }
    return undefined
  }

  /**
   * Makes room for one more in `line`, at the cost of a line that is longer than it will be then: the longest one's last
   * place is taken out. Looks at every line.
   *
   * @returns undefined when no line is so long
   */
  giveWay(line: string): T | undefined {
    let longest = ''
    let most = (this.#lines.get(line)?.size ?? 0) + 1
    for (const [other, { size }] of this.#lines) {
      if (size <= most) continue
      longest = other
      most = size
    }
    const items = this.#lines.get(longest)
    let last: T | undefined
    for (const item of items ?? []) last = item
    if (last !== undefined) this.remove(longest, last)
    return last
  }

  /** Gives up a place. @returns false when it was taken out before */
  remove(line: string, item: T): boolean {
    const items = this.#lines.get(line)
    if (items?.delete(item) !== true) return false
    if (items.size === 0) this.#lines.delete(line)
    this.#length--
    return true
  }
}
