// What the log needs of the machine: files, logger(1) and the clock, as an interface that tests fill in.

import { closeSync, constants, openSync, write, writeSync } from 'node:fs'
import { type Clock, systemClock } from '../base/clock.ts'
import { findLogger, LoggerOutlet, loggerArguments } from './logger-outlet.ts'

/** Where the lines of one destination go. */
export interface LogOutlet {
  /** Writes what it can, and says later how many bytes that was or that it failed. */
  write(bytes: Uint8Array, done: (failed: boolean, written: number) => void): void
  /** Writes before it returns; throws when it cannot. */
  writeNow(bytes: Uint8Array): number
  /** Writes the last bytes, as far as they are taken, and closes; throws nothing. */
  end(bytes: Uint8Array): void
}

export interface LogIo extends Clock {
  readonly stdout: LogOutlet
  readonly stderr: LogOutlet
  /** Opens a file for appending, made with mode 0600 when missing; throws when it cannot. */
  openFile(path: string): LogOutlet
  /**
   * The system's log; its lines begin with a priority in angle brackets.
   *
   * @param failed is told why lines were lost, at most once a minute
   * @returns undefined where there is no logger(1)
   */
  openSyslog(failed: (why: string) => void): LogOutlet | undefined
  /** Runs `task` once the work at hand is done. */
  soon(task: () => void): void
}

/**
 * The files and the system's log of this process. Standard output is written through the thread pool, not through `process.stdout`: there, a
 * pipe that nobody reads would stop the whole broker.
 *
 * @param clock what lines are stamped with
 */
export function systemLogIo(clock: Clock): LogIo {
  const soon = (task: () => void) => void setImmediate(task)
  return {
    now: () => clock.now(),
    stdout: new FileOutlet(1),
    stderr: new FileOutlet(2),
    openFile: path =>
      new FileOutlet(
        openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY, 0o600),
      ),
    openSyslog(failed) {
      const path = findLogger(process.env)
      if (path === undefined) return undefined
      return new LoggerOutlet([path, ...loggerArguments(process.pid)], { clock: systemClock(), soon, failed })
    },
    soon,
  }
}

class FileOutlet implements LogOutlet {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  write(bytes: Uint8Array, done: (failed: boolean, written: number) => void): void {
    write(this.#fd, bytes, (error, written) => done(error !== null, written))
  }

  writeNow(bytes: Uint8Array): number {
    return writeSync(this.#fd, bytes)
  }

  end(bytes: Uint8Array): void {
    try {
      this.#writeLast(bytes)
    } catch {
      // Nothing is left to tell it to.
    }
  }

  #writeLast(bytes: Uint8Array): void {
    try {
      for (let offset = 0; offset < bytes.length; ) offset += this.writeNow(bytes.subarray(offset))
    } finally {
      closeSync(this.#fd)
    }
  }
}
