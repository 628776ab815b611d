// Packet ids in use. A `Set` that is filled and emptied with every message leaves a dead table behind each time, see
// exchanges.ts; here nothing is made but when more ids are in use at once than ever before.

const fewestSlots = 8

/** A hash table in one array: an id lies in its slot, or in the next free one after it. */
export class PacketIdSet {
  /** 0, which is no packet id, where none is; a power of two of them, half of which are free. */
  #slots = new Uint16Array(fewestSlots)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(packetId: number): boolean {
    return this.#slots[this.#find(packetId)] === packetId
  }

  add(packetId: number): void {
    const at = this.#find(packetId)
    if (this.#slots[at] === packetId) return
    this.#slots[at] = packetId
    if (++this.#size * 2 > this.#slots.length) this.#grow()
  }

  /** @returns whether it was there */
  delete(packetId: number): boolean {
    const slots = this.#slots
    const last = slots.length - 1
    let gap = this.#find(packetId)
    if (slots[gap] !== packetId) return false
    // Whoever was kept from a slot up to here by what is gone moves there, or nobody would find it again.
    for (let at = (gap + 1) & last; slots[at] !== 0; at = (at + 1) & last) {
      const other = slots[at] as number
      if (((at - other) & last) < ((at - gap) & last)) continue
      slots[gap] = other
      gap = at
    }
    slots[gap] = 0
    this.#size--
    return true
  }

  *[Symbol.iterator](): Generator<number, void, undefined> {
    for (const packetId of this.#slots) if (packetId !== 0) yield packetId
  }

  /** Where it is, or would be. */
  #find(packetId: number): number {
    const slots = this.#slots
    const last = slots.length - 1
    let at = packetId & last
    while (slots[at] !== 0 && slots[at] !== packetId) at = (at + 1) & last
    return at
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint16Array(before.length * 2)
    for (const packetId of before) if (packetId !== 0) this.#slots[this.#find(packetId)] = packetId
  }
}
