// The first twelve bytes of each payload: when it was sent, by which publisher, as its how manieth message. All in one
// clock and one byte order, since sender and receiver are one process.

/** Microseconds since this process began; below 2^32 for 71 minutes. */
export function micros(): number {
  return Math.trunc(performance.now() * 1000)
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/** Where in a payload each of the three stands. */
export const stamp = { time: 0, publisher: 4, sequence: 8, bytes: 12 } as const
