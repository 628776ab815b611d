// Entries by name, and in the order of their names' bytes: the order of every list, and of the file.

import { compareBytes } from './compare-bytes.ts'

export interface Named {
  readonly name: string
}

export class NameTable<T extends Named> {
  readonly #byName = new Map<string, T>()
  readonly #ordered: T[] = []

  get size(): number {
    return this.#byName.size
  }

  get(name: string): T | undefined {
    return this.#byName.get(name)
  }

  /** In order. */
  values(): readonly T[] {
    return this.#ordered
  }

  /** The name must not be there yet. */
  add(entry: T): void {
    this.#byName.set(entry.name, entry)
    this.#ordered.splice(this.#placeOf(entry.name), 0, entry)
  }

  delete(entry: T): void {
    if (this.#byName.delete(entry.name)) this.#ordered.splice(this.#placeOf(entry.name), 1)
  }

  /** Where the name is, or would have to be. */
  #placeOf(name: string): number {
    let low = 0
    let high = this.#ordered.length
    // What is read from a file comes in order.
    const last = this.#ordered[high - 1]
    if (last !== undefined && compareBytes(last.name, name) < 0) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareBytes((this.#ordered[middle] as T).name, name) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
