// Feeds mutated packet streams to the engine. `node fuzz/streams.ts [--count N] [--seed S] [--workers W]`

import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { StreamFuzzer, type StreamFuzzResult } from './engine-streams.ts'

interface Share {
  readonly count: number
  readonly seed: number
}

/** What a worker tells: after each stretch, and at its end. */
interface Report extends StreamFuzzResult {
  /** Bytes after a full collection. */
  readonly heap: number
}

const streamsPerStretch = 100_000
/** Caches fill during the first stretch; from then on the heap may differ by this much. */
const heapSlackBytes = 4_000_000

async function runShare({ count, seed }: Share): Promise<void> {
  // Refusals are counted, nobody reads where each was made.
  Error.stackTraceLimit = 0
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const fuzzer = new StreamFuzzer(seed)
  let firstHeap: number | undefined
  for (let done = 0; done < count; done = fuzzer.result.streams) {
    await fuzzer.run(Math.min(streamsPerStretch, count - done))
    collect()
    const { heapUsed: heap } = process.memoryUsage()
    firstHeap ??= heap
    if (heap > firstHeap + heapSlackBytes) throw new Error(`the heap grew from ${firstHeap} to ${heap} bytes`)
    parentPort?.postMessage({ ...fuzzer.result, heap } satisfies Report)
  }
}

function startWorkers(total: number, seed: number, workers: number): void {
  const latest: Report[] = []
  for (let index = 0; index < workers; index++) {
    const count = Math.floor(total / workers) + (index < total % workers ? 1 : 0)
    const share: Share = { count, seed: seed + index }
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.on('message', (report: Report) => {
      latest[index] = report
      process.stdout.write(`${line(latest)}\n`)
    })
    worker.on('error', error => {
      process.stderr.write(`seed ${share.seed}: ${describe(error)}\n`)
      process.exit(1)
    })
  }
}

function line(reports: readonly Report[]): string {
  const sum = (of: (report: Report) => number) => reports.reduce((total, report) => total + of(report), 0)
  const heaps = reports.map(({ heap }) => `${(heap / 1e6).toFixed(1)} MB`).join(', ')
  return (
    `${sum(({ streams }) => streams)} streams: ${sum(({ refused }) => refused)} refused, ` +
    `${sum(({ packets }) => packets)} packets taken, ${sum(({ runs }) => runs)} runs of them as bytes, ${sum(({ witnessed }) => witnessed)} messages witnessed; heap ${heaps}`
  )
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\n  because of ${describe(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

if (isMainThread) {
  const options = {
    count: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  } as const
  const { values } = parseArgs({ options })
  startWorkers(Number(values.count), Number(values.seed), Number(values.workers))
} else {
  await runShare(workerData as Share)
}
