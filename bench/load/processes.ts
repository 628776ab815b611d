// The broker's processes, as the kernel accounts for them in /proc.

import { readdirSync, readFileSync } from 'node:fs'

/** Sums over the processes; times since each of them began. */
export interface ProcessFigures {
  readonly userSeconds: number
  readonly systemSeconds: number
  readonly rssBytes: number
  /** Nanoseconds on a CPU of each living thread, by `pid/tid`; empty where the kernel does not show them. */
  readonly threads: ReadonlyMap<string, number>
}

/** Linux shows CPU times to programs in hundredths of a second, whatever it counts in itself (proc(5), USER_HZ). */
const ticksPerSecond = 100
const nanosecondsPerSecond = 1e9

/** CPU time and memory of these processes and their living descendants; those that are gone count nothing. */
export function processFigures(pids: readonly number[]): ProcessFigures {
  const sum = { userSeconds: 0, systemSeconds: 0, rssBytes: 0, threads: new Map<string, number>() }
  for (const pid of withDescendants(pids)) {
    const times = processTimes(pid)
    if (times === undefined) continue
    sum.userSeconds += times.user
    sum.systemSeconds += times.system
    sum.rssBytes += statusBytes(pid)
    for (const thread of threadsOf(pid)) {
      const nanoseconds = Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
      if (nanoseconds > 0) sum.threads.set(`${pid}/${thread}`, nanoseconds)
    }
  }
  return sum
}

/**
 * CPU time between two looks: to the nanosecond, unless a thread ended meanwhile and took its count along; then in the
 * ticks of the accounting, which keeps it.
 */
export function cpuSecondsBetween(before: ProcessFigures, after: ProcessFigures): number {
  const threads = [...after.threads]
  if (threads.length === 0 || [...before.threads.keys()].some(thread => !after.threads.has(thread))) {
    return after.userSeconds + after.systemSeconds - before.userSeconds - before.systemSeconds
  }
  const spent = threads.reduce((sum, [thread, now]) => sum + now - (before.threads.get(thread) ?? 0), 0)
  return spent / nanosecondsPerSecond
}

/** Resident memory alone: cheap enough to be looked at ten times a second. */
export function residentBytes(pids: readonly number[]): number {
  return withDescendants(pids).reduce((sum, pid) => sum + statusBytes(pid), 0)
}

/** Proportional set size, which counts a page that processes share once; the resident one where it may not be read. */
export function proportionalBytes(pids: readonly number[]): { readonly memory: 'Pss' | 'Rss'; readonly bytes: number } {
  let bytes = 0
  for (const pid of withDescendants(pids)) {
    const pss = kilobytes(`/proc/${pid}/smaps_rollup`, /^Pss:\s+(\d+) kB$/m)
    if (pss === undefined) return { memory: 'Rss', bytes: residentBytes(pids) }
    bytes += pss
  }
  return { memory: 'Pss', bytes }
}

function withDescendants(pids: readonly number[]): readonly number[] {
  const all = new Set(pids)
  for (const pid of all) for (const child of childrenOf(pid)) all.add(child) // a Set is walked to what is added meanwhile
  return [...all]
}

function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap(thread =>
    read(`/proc/${pid}/task/${thread}/children`).split(' ').map(Number).filter(Boolean),
  )
}

function processTimes(pid: number): { readonly user: number; readonly system: number } | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === '') return undefined
  // Behind the name, which may hold anything, in parentheses: the third field and on; user and system are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { user: Number(fields[11]) / ticksPerSecond, system: Number(fields[12]) / ticksPerSecond }
}

function statusBytes(pid: number): number {
  return kilobytes(`/proc/${pid}/status`, /^VmRSS:\s+(\d+) kB$/m) ?? 0
}

function kilobytes(path: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(read(path))?.[1]
  return found === undefined ? undefined : Number(found) * 1024
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Empty when the process is gone, or nobody shows us the file. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
