// What the log needs of the machine: file descriptors and the clock, as an interface that tests fill in.

import { closeSync, constants, openSync, write, writeSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'

export interface LogIo extends Clock {
  readonly stdout: number
  readonly stderr: number
  /** Opens a file for appending, made with mode 0600 when missing; throws when it cannot. */
  open(path: string): number
  close(fd: number): void
  /** Writes what it can, and says later how many bytes that was or that it failed. */
  write(fd: number, bytes: Uint8Array, done: (failed: boolean, written: number) => void): void
  /** Writes before it returns; throws when it cannot. */
  writeNow(fd: number, bytes: Uint8Array): number
  /** Runs `task` once the work at hand is done. */
  soon(task: () => void): void
}

/**
 * The files of this process. Standard output is written through the thread pool, not through `process.stdout`: there, a
 * pipe that nobody reads would stop the whole broker.
 */
export function systemLogIo(clock: Clock): LogIo {
  return {
    now: () => clock.now(),
    stdout: 1,
    stderr: 2,
    open: path =>
      openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOCTTY, 0o600),
    close: fd => closeSync(fd),
    write: (fd, bytes, done) => write(fd, bytes, (error, written) => done(error !== null, written)),
    writeNow: (fd, bytes) => writeSync(fd, bytes),
    soon: task => void setImmediate(task),
  }
}
