// The way to the system's log. Its socket takes datagrams, for which Node has no socket on this machine's own paths, so that
// logger(1) of util-linux passes the lines on: one process, fed through its standard input, started anew when it has ended.

import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import type { LogIo, LogOutlet } from './log-io.ts'

/** Most bytes of a message of `logger`, its header of some fifty included: it would read the rest of a longer line as another one. */
export const maximumSyslogMessageBytes = 8192

/** A logger that has ended is not started again before this long after its start. */
const restartMs = 5000
const tellAgainMs = 60_000
/** Of what it says on its standard error. */
const mostReasonCharacters = 200

/** @param pid the sender, as the lines have it */
export function loggerArguments(pid: number): readonly string[] {
  // The name is Mosquitto's, which the rules of a syslog server may filter by. Without the last option a missing socket is
  // passed over in silence.
  const size = `--size=${maximumSyslogMessageBytes}`
  return ['--prio-prefix', '--tag=mosquitto', `--id=${pid}`, size, '--socket-errors=on']
}

/** In the directories of PATH that are whole paths. */
export function findLogger({ PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  return PATH.split(delimiter)
    .filter(directory => directory.startsWith('/'))
    .map(directory => join(directory, 'logger'))
    .find(isExecutable)
}

interface LoggerDeps {
  readonly clock: Clock
  readonly soon: LogIo['soon']
  /** Told why lines were lost, at most once a minute. */
  readonly failed: (why: string) => void
}

export class LoggerOutlet implements LogOutlet {
  readonly #command: readonly string[]
  readonly #deps: LoggerDeps
  /** Takes lines while its process lives. */
  #input: Writable | undefined
  #startedAt = Number.NEGATIVE_INFINITY
  #toldAt = Number.NEGATIVE_INFINITY

  /** @param command the program and its arguments; it is started with the first line */
  constructor(command: readonly string[], deps: LoggerDeps) {
    this.#command = command
    this.#deps = deps
  }

  write(bytes: Uint8Array, done: (failed: boolean, written: number) => void): void {
    const input = this.#open()
    if (input === undefined) this.#deps.soon(() => done(true, 0))
    else input.write(bytes, error => done(Boolean(error), error ? 0 : bytes.length))
  }

  // What the pipe has room for is in it when `write` returns.
  writeNow(bytes: Uint8Array): number {
    const input = this.#open()
    if (input === undefined || input.writableLength > 0) throw new Error('logger takes nothing now')
    input.write(bytes)
    return bytes.length
  }

  end(bytes: Uint8Array): void {
    const input = bytes.length > 0 ? this.#open() : this.#input
    this.#input = undefined
    input?.end(bytes)
  }

  #open(): Writable | undefined {
    const now = this.#deps.clock.now()
    if (this.#input === undefined && now - this.#startedAt >= restartMs) {
      this.#startedAt = now
      this.#input = this.#start()
    }
    return this.#input
  }

  /** In a session of its own: Ctrl-C on our terminal must not end it before our last lines. */
  #start(): Writable | undefined {
    const [program = '', ...args] = this.#command
    const { PATH, TZ } = process.env
    const env = { PATH, TZ, LC_ALL: 'C' }
    try {
      const child: ChildProcess = spawn(program, args, {
        stdio: ['pipe', 'ignore', 'pipe'],
        cwd: '/',
        detached: true,
        env,
      })
      this.#watch(child)
      return inputOf(child)
    } catch (error) {
      this.#tell((error as Error).message)
      return undefined
    }
  }

  #watch(child: ChildProcess): void {
    const input = inputOf(child)
    let said = ''
    child.stderr?.on('data', (bytes: Buffer) => {
      if (said.length < mostReasonCharacters) said += bytes.toString()
    })
    const ended = (how: string) => {
      if (this.#input !== input) return
      this.#input = undefined
      this.#tell(said.trim() || how)
    }
    child.once('error', error => ended(error.message))
    child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`))
    // Its writes fail, and 'close' follows.
    input?.on('error', () => {})
  }

  #tell(why: string): void {
    const now = this.#deps.clock.now()
    if (now - this.#toldAt < tellAgainMs) return
    this.#toldAt = now
    this.#deps.failed(escapeText(why, mostReasonCharacters))
  }
}

/** There is none when no file descriptor was left for it; 'error' follows then. */
function inputOf(child: ChildProcess): Writable | undefined {
  return child.stdin ?? undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
