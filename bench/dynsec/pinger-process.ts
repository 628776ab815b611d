// `pinger-process.ts PORT PID`: somebody who asks all the time whether the broker is there, in a process that has nothing else to
// do. For each line that it is sent it prints the longest wait since the last.

import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { goFirst } from '../floods/priority.ts'
import { ProcessorWait } from '../floods/processor-wait.ts'
import { administrator } from './dataset.ts'
import { Waiter } from './waiter.ts'

/** Milliseconds between two questions. */
const pauseMs = 1
const pingreq = Uint8Array.of(0xc0, 0)

const [port, brokerPid] = process.argv.slice(2).map(Number) as [number, number]
const waits = [new ProcessorWait(brokerPid), new ProcessorWait(process.pid)] as const
let [longest, longestAtWork] = [0, 0]

createInterface({ input: process.stdin })
  .on('line', () => {
    process.stdout.write(`${longest} ${longestAtWork}\n`)
    longest = 0
    longestAtWork = 0
  })
  .on('close', () => process.exit(0))

try {
  await ask()
} catch {
  // Whoever asks for something is told that the broker has gone.
}

async function ask(): Promise<void> {
  goFirst()
  const waiter = new Waiter(port)
  await waiter.connect(administrator)
  process.stdout.write('ready\n')
  for (;;) {
    const before = waits.map(wait => wait.milliseconds)
    const from = performance.now()
    const answer = waiter.next('PINGRESP')
    waiter.link.send(pingreq)
    await answer
    const passed = performance.now() - from
    const [broker, own] = waits.map((wait, i) => wait.milliseconds - (before[i] ?? 0)) as [number, number]
    longest = Math.max(longest, passed)
    // Without the longer of the two: they may have been at the same time.
    longestAtWork = Math.max(longestAtWork, passed - Math.max(broker, own))
    await delay(pauseMs)
  }
}
