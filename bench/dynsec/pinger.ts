// Somebody else, while commands are carried out: the longest wait of a client that only asks whether the broker is there.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { BenchError } from '../bench-error.ts'
import { pinned } from '../processor-cores.ts'
import { killAtEnd, killGroup } from '../run-directory.ts'

const program = join(import.meta.dirname, 'pinger-process.ts')

/** Milliseconds. */
export interface LongestWait {
  readonly all: number
  /** Without what broker and client waited for a processor meanwhile: what the broker was at. */
  readonly atWork: number
}

export class Pinger {
  readonly #pid: number
  readonly #input: NodeJS.WritableStream
  readonly #lines: Interface

  private constructor(pid: number, input: NodeJS.WritableStream, lines: Interface) {
    this.#pid = pid
    this.#input = input
    this.#lines = lines
  }

  /** @throws BenchError when it cannot be started */
  static async join(port: number, brokerPid: number): Promise<Pinger> {
    const command = [process.execPath, '--max-semi-space-size=1', program, String(port), String(brokerPid)]
    const [first = '', ...args] = pinned('load', command)
    const child = spawn(first, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
    if (child.pid === undefined) throw new BenchError('the client that asks for PINGRESP cannot be started')
    killAtEnd(child.pid)
    const lines = createInterface({ input: child.stdout })
    await once(lines, 'line')
    return new Pinger(child.pid, child.stdin, lines)
  }

  /** Since the last call. */
  async takeLongest(): Promise<LongestWait> {
    this.#input.write('\n')
    const [line] = (await once(this.#lines, 'line')) as [string]
    const [all = 0, atWork = 0] = line.split(' ').map(Number)
    return { all, atWork }
  }

  leave(): void {
    killGroup(this.#pid)
  }
}
