// How many connections the system's limit of open files leaves room for.

/** Of these about thirty are open from the start; the others are for the store, reloads, the log and who asks for metrics. */
const keptFiles = 64

/** @param mostOpenFiles of this process; undefined where the system does not tell, and then it is not looked at */
export function connectionsFor(mostOpenFiles: number | undefined): number {
  return mostOpenFiles === undefined ? Number.POSITIVE_INFINITY : Math.max(1, mostOpenFiles - keptFiles)
}
