// The work of the probe: half of it arithmetic that keeps all units of a core busy, half of it system calls, since that
// is what brokers do. Arithmetic alone suffers more from a neighbour on the other thread of the core than a broker does,
// system calls alone suffer less.

import { writeSync } from 'node:fs'

const multiplications = 30_000
const systemCalls = 60
const scratch = new Uint8Array(64)
/** Behind the counts that the file is about. */
const scratchAt = 64

/** One piece; its result is of no interest, but must be used, or the compiler leaves it out. */
export function piece(file: number): void {
  scratch[0] = arithmetic() & 0xff
  for (let call = 0; call < systemCalls; call += 1) writeSync(file, scratch, 0, scratch.length, scratchAt)
}

/** Eight chains that do not wait for each other. */
function arithmetic(): number {
  let [a, b, c, d, e, f, g, h] = [1, 2, 3, 4, 5, 6, 7, 8]
  for (let step = 0; step < multiplications; step += 1) {
    a = Math.imul(a, 3) + step
    b = Math.imul(b, 5) + step
    c = Math.imul(c, 7) + step
    d = Math.imul(d, 9) + step
    e = Math.imul(e, 11) + step
    f = Math.imul(f, 13) + step
    g = Math.imul(g, 15) + step
    h = Math.imul(h, 17) + step
  }
  return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h
}
