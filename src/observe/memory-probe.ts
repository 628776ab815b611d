// How much memory the process uses and may use, as V8 and the system tell it.

import { totalmem } from 'node:os'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface MemoryReading {
  /** On the heap, garbage that was not collected yet included. */
  readonly heapBytes: number
  /** At which V8 ends the process. */
  readonly heapLimitBytes: number
  /** Buffers and what else lies outside the heap. */
  readonly externalBytes: number
}

export interface MemoryProbe {
  /** Takes some microseconds. */
  read(): MemoryReading
  /** Collects all garbage now; takes up to a second for a gigabyte. */
  collect(): void
  /** Bytes that the machine, or its cgroup, has for this process. */
  readonly availableBytes: number
}

export function systemMemoryProbe(): MemoryProbe {
  const collect = garbageCollector()
  // Without a cgroup's limit Node answers 0, or a number beyond any machine.
  const constrained = process.constrainedMemory()
  return {
    read() {
      const statistics = getHeapStatistics()
      return {
        heapBytes: statistics.used_heap_size,
        heapLimitBytes: statistics.heap_size_limit,
        externalBytes: statistics.external_memory,
      }
    },
    collect,
    availableBytes: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
  }
}

/** V8 hands it out to new contexts only. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  setFlagsFromString('--no-expose-gc')
  return collect
}
