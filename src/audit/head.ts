// Beside the file: where the chain had come to when it was last made safe. A file that ends before that was cut off.

import type { ChainEnd } from './record.ts'

/** As long each time: it is written over the one before. */
export function formatHead({ seq, hash }: ChainEnd): string {
  return `${String(seq).padStart(16, '0')} ${hash}\n`
}

/** @returns undefined for what is none */
export function parseHead(text: string): ChainEnd | undefined {
  const [, seq, hash] = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text) ?? []
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash }
}

/** Whether a chain that ends here is not the one that the head was of, as far as the two can be compared. */
export function isCut(end: ChainEnd, head: ChainEnd): boolean {
  return head.seq > end.seq || (head.seq === end.seq && head.hash !== end.hash)
}
