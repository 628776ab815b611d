// How many connections the system's limit of open files leaves room for, and the kernel's table of them.

import { closeSync, openSync } from 'node:fs'

/** Of these about thirty are open from the start; the others are for the store, reloads, the log and who asks for metrics. */
const keptFiles = 64

/** @param mostOpenFiles of this process; undefined where the system does not tell, and then it is not looked at */
export function connectionsFor(mostOpenFiles: number | undefined): number {
  return mostOpenFiles === undefined ? Number.POSITIVE_INFINITY : Math.max(1, mostOpenFiles - keptFiles)
}

/** Descriptors for which the kernel has a table from the start: a power of two. */
export const descriptorsFromStart = 2048

/**
 * Has the kernel make its table of descriptors as large as it will be with two thousand connections. It grows twofold, never
 * shrinks, and when it does grow, the whole process stands still for 5 to 60 ms, since Linux waits until no processor looks
 * into the old one: better before anybody is connected.
 *
 * @param open for tests
 */
export function growDescriptorTable(open = () => openSync('/dev/null', 'r')): void {
  const opened: number[] = []
  try {
    do opened.push(open())
    while ((opened.at(-1) as number) < descriptorsFromStart / 2)
  } catch {
    // Fewer may be open, or there is no such file here: then it stays as large as it is.
  }
  for (const descriptor of opened) closeSync(descriptor)
}
