// `-d`: the broker in the background. Node cannot fork, so the program starts itself again, detached, and leaves when the
// other listens.

import { spawn } from 'node:child_process'
import type { RunIo } from './run-options.ts'

/**
 * Starts the broker in the background. Until it listens its standard error is passed on; afterwards it holds nothing of the
 * terminal or the pipe that it was started from, which would otherwise never see its end.
 *
 * @returns 0 once it listens, its exit code if it could not
 */
export function daemonize(io: RunIo): Promise<number> {
  const [, ...args] = process.argv
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    cwd: process.cwd(),
  })
  child.stderr?.on('data', bytes => io.stderr.write(bytes))
  return new Promise(resolve => {
    child.once('message', () => resolve(0))
    child.once('close', code => resolve(code ?? 1))
    child.once('error', error => {
      io.stderr.write(`Error: Unable to start in the background: ${error.message}\n`)
      resolve(1)
    })
  })
}

/** Lets the process that started this one leave; nothing without one. */
export function tellParent(): void {
  if (!process.connected) return
  process.send?.('listening')
  process.disconnect?.()
}
