// `castellan run`, and the same broker under the name `mosquitto`: the command line of the latter, unchanged.

import { brokerTitle, mosquittoTitle } from '../base/process-title.ts'
import { version } from '../base/version.ts'
import { parseRunArguments, type RunArguments } from '../config/run-arguments.ts'
import { brokerExitCode, exitCode } from './exit-code.ts'
import type { Io } from './verbs.ts'

/** What the two names differ in: only in what a shell sees. */
interface Name {
  readonly usage: string
  /** What `ps` shows. */
  readonly title: string
  readonly versionLine: () => string
  readonly helpCode: number
  readonly refusalCode: number
}

/** `castellan run [OPTIONS]` */
export function run(args: readonly string[], io: Io): Promise<number> {
  return runAs(castellanRun, args, io)
}

/** `mosquitto [OPTIONS]`: exits with 3 after its help, too, as Mosquitto does. */
export function mosquitto(args: readonly string[], io: Io): Promise<number> {
  return runAs(mosquittoName, args, io)
}

const castellanRun: Name = {
  usage: 'castellan run',
  title: brokerTitle,
  versionLine: () => `castellan version ${version()}`,
  helpCode: exitCode.ok,
  refusalCode: exitCode.usage,
}

const mosquittoName: Name = {
  usage: 'mosquitto',
  title: mosquittoTitle,
  versionLine: () => `mosquitto version 2.1 (castellan ${version()})`,
  helpCode: brokerExitCode.badConfiguration,
  refusalCode: brokerExitCode.badConfiguration,
}

async function runAs(name: Name, args: readonly string[], io: Io): Promise<number> {
  const parsed = parseRunArguments(args)
  switch (parsed.command) {
    case 'help':
      io.stdout.write(helpPage(name))
      return name.helpCode
    case 'version':
      io.stdout.write(`${name.versionLine()}\n`)
      return exitCode.ok
    case 'refuse':
      io.stderr.write(`${parsed.message}\n${parsed.showUsage ? `\n${usageLines(name)}\n` : ''}`)
      return name.refusalCode
    case 'run':
      return startBroker({ ...parsed.arguments, title: name.title }, io)
  }
}

/** Runs a broker until it is told to stop; the server is loaded here and not before. */
export async function startBroker(options: RunOptions, io: Io): Promise<number> {
  const { runBroker } = await import('../server/run.ts')
  const { verbosity, ...rest } = options
  return runBroker({ ...rest, verbose: verbosity === 'verbose', quiet: verbosity === 'quiet' }, io)
}

export interface RunOptions extends RunArguments {
  /** Called once everything listens. */
  readonly onListening?: () => void
  /** What `ps` shows; without it, that of any broker of this program. */
  readonly title?: string
}

function usageLines(name: Name): string {
  return `Usage: ${name.usage} [-c FILE] [-p PORT]... [-d] [-q | -v]
       ${name.usage} -c FILE --test-config`
}

function helpPage(name: Name): string {
  return `${usageLines(name)}

An MQTT 3.1, 3.1.1 and 5.0 broker, as a mosquitto.conf says. Without a file it listens on this machine only, on port 1883,
and lets everybody in.

  -c, --config-file FILE  the configuration; every option of Mosquitto 2.1 is known, and what is refused on purpose
                          is refused with its line
  -p, --port PORT         listen on PORT instead of 1883, while the file defines no listener; up to ten times
  -d, --daemon            into the background, once everything listens
  -v, --verbose           every type of log line, whatever the file says
  -q, --quiet             no log line, whatever the file says
      --tls-keylog FILE   write the secrets of all TLS connections to FILE: whoever reads it can decrypt all traffic
      --test-config       read the file, say what is wrong with it, and stop; writes nothing
  -h, --help              this page
      --version           the version

Signals: HUP reads configuration, passwords, rules and certificates again, all of it or nothing; RTMIN opens the log file anew;
USR2 logs the subscription tree; TERM and INT stop. castellan signal sends them.
Exit codes: 0 stopped, 1 a certificate or a port cannot be used, ${name.refusalCode === exitCode.usage ? '2 wrong usage, ' : ''}3 a mistake in the configuration.

Examples:
  ${name.usage} -c /etc/mosquitto/mosquitto.conf -v
  ${name.usage} -c mosquitto.conf --test-config
`
}
