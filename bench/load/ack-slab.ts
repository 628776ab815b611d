// Acknowledgements of one read, written together. A socket may still hold what it was given before, so bytes that were
// handed out are never written to again.

const slabBytes = 1_048_576

let slab = Buffer.allocUnsafeSlow(slabBytes)
let begin = 0
let end = 0

/** Makes sure that so many bytes fit: an acknowledgement is never longer than what it answers. */
export function reserveAcks(bytes: number): void {
  if (slabBytes - begin >= bytes) return
  slab = Buffer.allocUnsafeSlow(slabBytes)
  begin = 0
  end = 0
}

/** Adds PUBACK, PUBREC, PUBREL or PUBCOMP, without a reason code, for the packet id that stands at `idAt`. */
export function addAck(first: number, bytes: Uint8Array, idAt: number): void {
  slab[end] = first
  slab[end + 1] = 2
  slab[end + 2] = bytes[idAt]!
  slab[end + 3] = bytes[idAt + 1]!
  end += 4
}

/** What was added since the last time; undefined when there is nothing. */
export function takeAcks(): Buffer | undefined {
  if (begin === end) return undefined
  const taken = slab.subarray(begin, end)
  begin = end
  return taken
}
