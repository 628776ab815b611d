// One broker that runs for one measurement.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { escapeText } from '../src/base/escape.ts'
import { BenchError } from './bench-error.ts'
import { pinned } from './processor-cores.ts'
import { killAtEnd, killGroup } from './run-directory.ts'

const startLimitMs = 30_000
const stopLimitMs = 10_000
const pollMs = 20
const keptOutput = 4096
/** What a broker has open besides its clients' sockets. */
const ownDescriptors = 64

/** A child in a process group of its own, so that a peer's wrapper script cannot leave a broker behind. */
export class BrokerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #name: string
  #output = ''
  #ended = false

  private constructor(child: ChildProcess, name: string, pid: number) {
    this.#child = child
    this.#name = name
    this.pid = pid
    child.once('exit', () => {
      this.#ended = true
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#output = (this.#output + text).slice(-keptOutput)
    })
    killAtEnd(pid)
  }

  /**
   * Starts a broker on its core and waits until its port accepts.
   *
   * @throws BenchError when it does not start, with what it printed last
   */
  static async start(name: string, command: readonly string[], port: number): Promise<BrokerProcess> {
    const [program = '', ...args] = pinned('broker', command)
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error]
      throw new BenchError(`${name} cannot be started: ${error.message}`, { cause: error })
    }
    const broker = new BrokerProcess(child, name, child.pid)
    try {
      await broker.#accepting(port)
      return broker
    } catch (error) {
      await broker.stop()
      throw error
    }
  }

  /** Why it cannot hold so many connections; undefined when it can. */
  shortage(connections: number): string | undefined {
    const limit = openFilesLimit(this.pid)
    if (limit === undefined || limit >= connections + ownDescriptors) return undefined
    return `${this.#name} may open ${limit} files only, and ${connections} connections are asked for; raise it with ulimit -n`
  }

  /** What it said before it died; undefined while it lives. */
  death(): string | undefined {
    return this.#ended ? `${this.#name} ended by itself${this.#said()}` : undefined
  }

  /** SIGTERM, then SIGKILL for whatever of its group is left. */
  async stop(): Promise<void> {
    if (!this.#ended) {
      const exited = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      await Promise.race([exited, delay(stopLimitMs, undefined, { ref: false })])
    }
    killGroup(this.pid)
  }

  /** SIGKILL, as a failure would. */
  async kill(): Promise<void> {
    const exited = once(this.#child, 'exit')
    killGroup(this.pid)
    if (!this.#ended) await exited
  }

  async #accepting(port: number): Promise<void> {
    const deadline = performance.now() + startLimitMs
    while (!(await accepts(port))) {
      if (this.#ended) throw new BenchError(`${this.#name} ended before it accepted connections${this.#said()}`)
      if (performance.now() > deadline) {
        throw new BenchError(`${this.#name} accepts no connections after ${startLimitMs / 1000} s${this.#said()}`)
      }
      await delay(pollMs)
    }
  }

  /** The last lines that it printed, without stacks. */
  #said(): string {
    const lines = this.#output.split('\n').filter(line => line.trim() !== '' && !/^ +at /.test(line))
    const last = lines.slice(-3).join(' | ')
    return last === '' ? ', and said nothing' : `: ${escapeText(last, 400)}`
  }
}

/** The soft limit, which programs raise for themselves if at all; undefined where the kernel does not show it. */
function openFilesLimit(pid: number): number | undefined {
  try {
    const soft = /^Max open files +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]
    return soft === undefined || soft === 'unlimited' ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
