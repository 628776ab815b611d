// Starts and stops the probe of the broker's core. A core of a shared machine is up to half as quick again when nobody
// uses its other thread: without knowing, one measures the neighbours.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { BenchError } from '../bench-error.ts'
import { canPin, pinned } from '../processor-cores.ts'
import { killAtEnd, killGroup } from '../run-directory.ts'

const program = join(import.meta.dirname, 'main.ts')

export class CoreProbe {
  /** Where its counts are: for `LoadRequest.coreProbe`. */
  readonly path: string
  readonly #child: ChildProcess
  readonly #pid: number

  private constructor(path: string, child: ChildProcess, pid: number) {
    this.path = path
    this.#child = child
    this.#pid = pid
  }

  /**
   * Starts it, at rest. Undefined where the broker has no core of its own that could be probed.
   *
   * @throws BenchError when it does not start
   */
  static async start(directory: string): Promise<CoreProbe | undefined> {
    if (!canPin) return undefined
    const path = join(directory, 'core-probe')
    const [command = '', ...args] = pinned('broker', [process.execPath, program, path])
    const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
    if (child.pid === undefined) throw new BenchError('the probe of the core cannot be started')
    killAtEnd(child.pid)
    const ended = once(child, 'exit').then(([code]) => {
      throw new BenchError(`the probe of the core ended with ${code} before it began`)
    })
    await Promise.race([once(child.stdout, 'readable'), ended])
    child.kill('SIGSTOP')
    return new CoreProbe(path, child, child.pid)
  }

  /** Has it at work for as long as `task` lasts. */
  async during<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#child.kill('SIGCONT')
    try {
      return await task()
    } finally {
      this.#child.kill('SIGSTOP')
    }
  }

  stop(): void {
    killGroup(this.#pid)
  }
}
