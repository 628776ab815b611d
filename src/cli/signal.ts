// `castellan signal`, and `mosquitto_signal` as its old name: tells running brokers, ours and Mosquitto's, to reload, to open
// their log files anew, to log the tree of subscriptions, or to stop.

import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import { brokerProcesses } from './broker-processes.ts'
import { exitCode } from './exit-code.ts'
import type { Io } from './verbs.ts'

/** Every Mosquitto opens its log file anew at SIGHUP, too; SIGRTMIN, which 2.1 has for that alone, ends older ones. */
const signals: Readonly<Record<string, NodeJS.Signals>> = {
  'config-reload': 'SIGHUP',
  'log-rotate': 'SIGHUP',
  shutdown: 'SIGINT',
  'tree-print': 'SIGUSR2',
}

/** `castellan signal {-a | -p PID} WORD`. @returns the exit code */
export async function signal(args: readonly string[], io: Io): Promise<number> {
  const called = parse(args)
  if (called === 'help') return print(io.stdout, helpPage('castellan signal', verbCodes), exitCode.ok)
  if ('refusal' in called) {
    const message = `castellan: ${called.refusal}; castellan signal --help tells more\n`
    return print(io.stderr, message, exitCode.usage)
  }
  const { pids, faults } = send(called)
  for (const { pid, error } of faults) {
    io.stderr.write(`castellan: process ${pid} got no signal: ${systemReason(error)}\n`)
  }
  if (called.pid === undefined) for (const pid of pids) io.stdout.write(`${pid}\n`)
  if (faults.length === 0 && pids.length > 0) return exitCode.ok
  if (faults.length === 0) return print(io.stderr, 'castellan: no broker of this user is running\n', exitCode.notFound)
  return faults.some(({ error }) => error.code === 'EPERM') ? exitCode.denied : exitCode.notFound
}

/** `mosquitto_signal …`: with that tool's words, and its exit codes: 0 also when no signal could be sent. */
export async function mosquittoSignal(args: readonly string[], io: Io): Promise<number> {
  const called = args.length === 0 ? 'help' : parse(args)
  if (called === 'help') return print(io.stdout, helpPage('mosquitto_signal', oldCodes), exitCode.failed)
  if ('refusal' in called) return print(io.stderr, `Error: ${called.oldRefusal}.\n`, exitCode.failed)
  const before = called.pid === undefined ? 'Unable to signal process' : 'Error sending signal to process'
  for (const { pid, error } of send(called).faults) io.stderr.write(`${before} ${pid}: ${asInC(error)}\n`)
  return exitCode.ok
}

interface Called {
  /** undefined: every broker that there is. */
  readonly pid: number | undefined
  readonly signal: NodeJS.Signals
}

/** A command line that asks for nothing that can be done. */
interface Misuse {
  readonly refusal: string
  /** As `mosquitto_signal` says it. */
  readonly oldRefusal: string
}

/** As `mosquitto_signal` reads them: options first, the last one of them counts, and what is behind the word does not, but for `--help`. */
function parse(args: readonly string[]): Called | Misuse | 'help' {
  if (args.includes('--help') || args.includes('-h')) return 'help'
  let target: number | 'all' | undefined
  let index = 0
  for (; index < args.length; index++) {
    if (args[index] === '-a') target = 'all'
    else if (args[index] === '-p') {
      const text = args[++index]
      if (text === undefined) return { refusal: noPid, oldRefusal: '-p argument given but process ID missing' }
      target = pidOf(text)
      if (target === undefined) return { refusal: noPid, oldRefusal: 'Process ID must be >0' }
    } else break
  }
  if (target !== undefined) return targeted(target, args[index])
  return { refusal: 'say whom: -p PID, or -a for all', oldRefusal: 'One of -a or -p must be used' }
}

function targeted(target: number | 'all', word: string | undefined): Called | Misuse {
  const words = Object.keys(signals).join(', ')
  if (word === undefined) return { refusal: `say what to do: ${words}`, oldRefusal: 'No signal given' }
  if (word === 'xtreport') return { refusal: noReport, oldRefusal: noReport }
  const signal = Object.hasOwn(signals, word) ? signals[word] : undefined
  if (signal !== undefined) return { pid: target === 'all' ? undefined : target, signal }
  const shown = escapeText(word, 64)
  return { refusal: `unknown signal '${shown}'; there are ${words}`, oldRefusal: `Unknown signal '${shown}'` }
}

const noPid = '-p needs the id of a process, a number above 0'
const noReport =
  "xtreport is not sent: it asks for a file that only a debugging build of Mosquitto writes; metrics_listener and $SYS have the broker's figures"

function pidOf(text: string): number | undefined {
  const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0
  return pid > 0 && pid <= maximumPid ? pid : undefined
}

/** Of any kernel: a 32-bit number with a sign. */
const maximumPid = 2 ** 31 - 1

interface Fault {
  readonly pid: number
  readonly error: NodeJS.ErrnoException
}

function send({ pid, signal }: Called): { readonly pids: readonly number[]; readonly faults: readonly Fault[] } {
  const faults: Fault[] = []
  const targets = pid === undefined ? brokerProcesses().map(found => found.pid) : [pid]
  const pids = targets.filter(target => {
    try {
      return process.kill(target, signal)
    } catch (error) {
      faults.push({ pid: target, error: error as NodeJS.ErrnoException })
      return false
    }
  })
  return { pids, faults }
}

/** As strerror(3) has it: `No such process`. */
function asInC(error: unknown): string {
  const reason = systemReason(error)
  return reason.charAt(0).toUpperCase() + reason.slice(1)
}

const verbCodes = `-a prints the process ids of whom it told.
Exit codes: 0 told, 2 wrong usage, 3 there is no such process, 4 it is another user's.`
const oldCodes =
  'Exit codes: 0 also when a signal could not be sent, which standard error says; 1 wrong usage, and this page.'

function helpPage(name: string, codes: string): string {
  return `Usage: ${name} {-a | -p PID} SIGNAL
       ${name} --help

Tells a broker on this machine, Castellan's or Mosquitto's, what to do.

  -a      all brokers of this user; as root, all there are
  -p PID  this process, whatever it is

SIGNAL is one of:
  config-reload  read the configuration again, and the files that it names (SIGHUP)
  log-rotate     open the log file anew, for whoever has moved it away: reads the configuration again, too (SIGHUP)
  shutdown       say goodbye to the clients and stop (SIGINT)
  tree-print     write who is subscribed to what into the log (SIGUSR2)

${codes}

Example: ${name} -p "$(cat /run/mosquitto/mosquitto.pid)" config-reload
`
}

function print(stream: NodeJS.WritableStream, text: string, code: number): number {
  stream.write(text)
  return code
}
