// What a broker holds, after a collection of garbage: its process is asked through Node's inspector, which it was started with.

import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerProcess } from '../../test/support/broker-process.ts'
import { residentBytes } from '../load/processes.ts'

/** Environment of a broker that can be asked. */
export const inspectedEnv = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const

export interface Holdings {
  /** Of V8, after a full collection. */
  readonly heapBytes: number
  readonly residentBytes: number
  readonly descriptors: number
  /** Blocks of the store's files. */
  readonly diskBytes: number
}

/** A line to the inspector of one broker. */
export class Inspected {
  readonly #broker: BrokerProcess
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (result: unknown) => void>()
  #asked = 0

  private constructor(broker: BrokerProcess, socket: WebSocket) {
    this.#broker = broker
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(data) as { id?: number; result?: unknown }
      if (id !== undefined) this.#answers.get(id)?.(result)
    })
  }

  /** @param broker started with {@link inspectedEnv} */
  static async open(broker: BrokerProcess): Promise<Inspected> {
    const [, url = ''] = await broker.waitForLine(/(ws:\/\/127\.0\.0\.1:\d+\/\S+)/)
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    return new Inspected(broker, socket)
  }

  async holdings(): Promise<Holdings> {
    const pid = this.#broker.program.child.pid!
    // What the first collection finalizes, the second one frees.
    await this.#ask('HeapProfiler.collectGarbage')
    await this.#ask('HeapProfiler.collectGarbage')
    const { usedSize } = (await this.#ask('Runtime.getHeapUsage')) as { usedSize: number }
    return {
      heapBytes: usedSize,
      residentBytes: residentBytes([pid]),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      diskBytes: blocksOf(join(this.#broker.dir, 'castellan-store')),
    }
  }

  close(): void {
    this.#socket.close()
  }

  #ask(method: string): Promise<unknown> {
    const id = ++this.#asked
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.#answers.set(id, result => {
      this.#answers.delete(id)
      resolve(result)
    })
    this.#socket.send(JSON.stringify({ id, method }))
    return promise
  }
}

function blocksOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0)
}
