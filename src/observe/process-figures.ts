// What the operating system and Node tell of this process, read when somebody asks: none of it is counted by us.

import { readFileSync, statSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'

export interface ProcessFigures {
  /** Of user and system together, all threads. */
  readonly cpuSeconds: number
  /** undefined where the system does not tell, as when it has no file descriptor left to tell it through. */
  readonly residentBytes: number | undefined
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** Buffers and what else lies outside the heap. */
  readonly externalBytes: number
  /** undefined where the system does not tell. */
  readonly openFiles: number | undefined
  readonly mostOpenFiles: number | undefined
  /** How long the event loop was busy, and not waiting, since it began. */
  readonly loopBusySeconds: number
}

export function readProcess(): ProcessFigures {
  const cpu = process.cpuUsage()
  const heap = getHeapStatistics()
  return {
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    residentBytes: residentBytes(),
    heapUsedBytes: heap.used_heap_size,
    heapTotalBytes: heap.total_heap_size,
    externalBytes: heap.external_memory,
    openFiles: openFiles(),
    mostOpenFiles: mostOpenFiles(),
    loopBusySeconds: performance.eventLoopUtilization().active / 1000,
  }
}

export function residentBytes(): number | undefined {
  return whereKnown(() => process.memoryUsage.rss())
}

/** Linux 6.2 and later tell the number as the folder's size; listing the folder takes a millisecond for each thousand. */
function openFiles(): number | undefined {
  const size = whereKnown(() => statSync('/proc/self/fd').size)
  return size === 0 ? undefined : size
}

function mostOpenFiles(): number | undefined {
  const limits = whereKnown(() => readFileSync('/proc/self/limits', 'latin1'))
  const soft = /^Max open files +(\d+)/m.exec(limits ?? '')?.[1]
  return soft === undefined ? undefined : Number(soft)
}

/** Other systems than Linux have no such files, and a process may be kept from reading them, or have too many files open. */
function whereKnown<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
