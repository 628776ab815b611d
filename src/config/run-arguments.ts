// The command line of `castellan run`, which is that of `mosquitto`.

import { escapeText } from '../base/escape.ts'
import { nearestName } from './nearest-name.ts'

/** Most `-p` arguments. */
export const maximumPorts = 10

export interface RunArguments {
  readonly configFile: string | undefined
  readonly daemon: boolean
  /** Used when the file defines no listener. */
  readonly ports: readonly number[]
  readonly verbosity: 'verbose' | 'quiet' | undefined
  readonly testConfig: boolean
  /** Goes before the option `tls_keylog`. */
  readonly tlsKeylog?: string
}

export type RunCommand =
  | { readonly command: 'run'; readonly arguments: RunArguments }
  | { readonly command: 'help' | 'version' }
  /** Print `message` to stderr, then the usage if `showUsage`, and exit with 3. */
  | { readonly command: 'refuse'; readonly message: string; readonly showUsage: boolean }

/** What a parsed argument list collects; `-q` wins over `-v`, and the last `-c` over those before it. */
interface Collected {
  configFile: string | undefined
  daemon: boolean
  readonly ports: number[]
  quiet: boolean
  verbose: boolean
  testConfig: boolean
  tlsKeylog: string | undefined
}

/** @param argv without the program's name */
export function parseRunArguments(argv: readonly string[]): RunCommand {
  const collected: Collected = {
    configFile: undefined,
    daemon: false,
    ports: [],
    quiet: false,
    verbose: false,
    testConfig: false,
    tlsKeylog: undefined,
  }
  for (let i = 0; i < argv.length; i++) {
    const flag = argv[i] as string
    if (flag === '-h' || flag === '--help') return { command: 'help' }
    if (flag === '--version') return { command: 'version' }
    const takesValue = valueFlags.has(flag)
    const refusal = takesValue ? takeValue(flag, argv[++i], collected) : takeSwitch(flag, collected)
    if (refusal !== undefined) return refusal
  }
  return finish(collected)
}

const valueFlags = new Set(['-c', '--config-file', '-p', '--port', '--tls-keylog'])

function takeSwitch(flag: string, collected: Collected): RunCommand | undefined {
  if (flag === '-d' || flag === '--daemon') collected.daemon = true
  else if (flag === '-q' || flag === '--quiet') collected.quiet = true
  else if (flag === '-v' || flag === '--verbose') collected.verbose = true
  else if (flag === '--test-config') collected.testConfig = true
  else return refuse(`Error: Unknown option '${escapeText(flag)}'.${suggestion(flag)}`, true)
  return undefined
}

const longFlags = [
  '--config-file',
  '--port',
  '--daemon',
  '--quiet',
  '--verbose',
  '--test-config',
  '--tls-keylog',
  '--help',
  '--version',
]

function suggestion(flag: string): string {
  if (flag.length < 4) return ''
  const meant = longFlags.find(known => known.startsWith(flag)) ?? nearestName(flag, longFlags)
  return meant === undefined ? '' : ` Did you mean '${meant}'?`
}

function takeValue(flag: string, value: string | undefined, collected: Collected): RunCommand | undefined {
  if (flag === '-c' || flag === '--config-file') {
    if (value === undefined) return refuse('Error: -c argument given, but no config file specified.')
    collected.configFile = value
    return undefined
  }
  if (flag === '--tls-keylog') {
    if (value === undefined) return refuse('Error: --tls-keylog argument given, but no file specified.')
    collected.tlsKeylog = value
    return undefined
  }
  if (value === undefined) return refuse('Error: -p argument given, but no port specified.')
  return takePort(value, collected.ports)
}

// The number at the beginning of the text counts, as with C's `atoi`; without one it is 0.
function takePort(value: string, ports: number[]): RunCommand | undefined {
  const port = Math.trunc(Number(/^\s*([+-]?[0-9]+)/.exec(value)?.[1] ?? 0))
  if (port < 1 || port > 65_535) return refuse(`Error: Invalid port specified (${escapeText(value, 32)}).`)
  if (ports.length === maximumPorts) {
    return refuse(`Error: Only ${maximumPorts} ports can be specified on the command line.`)
  }
  ports.push(port)
  return undefined
}

function finish({ configFile, daemon, ports, quiet, verbose, testConfig, tlsKeylog }: Collected): RunCommand {
  if (testConfig && configFile === undefined) return refuse('Please provide a configuration file to test.')
  const verbosity = quiet ? 'quiet' : verbose ? 'verbose' : undefined
  const keylog = tlsKeylog !== undefined && { tlsKeylog }
  return { command: 'run', arguments: { configFile, daemon, ports, verbosity, testConfig, ...keylog } }
}

function refuse(message: string, showUsage = false): RunCommand {
  return { command: 'refuse', message, showUsage }
}
