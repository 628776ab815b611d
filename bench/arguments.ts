// The command line of `npm run bench`.

import { matchesGlob } from 'node:path'
import { parseArgs } from 'node:util'
import { escapeText } from '../src/base/escape.ts'
import { nearestName } from '../src/config/nearest-name.ts'
import { type Access, accesses } from './access.ts'
import { BenchError } from './bench-error.ts'

/** Another broker, as it was given on the command line. */
export interface PeerCommand {
  readonly name: string
  /** For a shell; with `{port}` and `{conf}` in it. */
  readonly command: string
}

export interface RunArguments {
  readonly action: 'run'
  /** Names or globs of scenarios; undefined for all. */
  readonly only: readonly string[] | undefined
  readonly rounds: number
  /** Of brokers other than Castellan and Mosquitto: one, unless rounds were asked for. */
  readonly otherRounds: number
  /** Seconds that one measurement lasts, warming up left out. */
  readonly seconds: number
  readonly accesses: readonly Access[]
  /** A file, `-` for standard output. */
  readonly json: string | undefined
  readonly peers: readonly PeerCommand[]
  /** Names of brokers that are left out. */
  readonly without: readonly string[]
  readonly quick: boolean
  readonly keep: boolean
}

export interface CompareArguments {
  readonly action: 'compare'
  readonly before: string
  readonly after: string
}

export type BenchArguments = RunArguments | CompareArguments | { readonly action: 'list' | 'help' }

/** Peers that can be left out. Castellan cannot: the ratios are its own. */
export const knownPeers: readonly string[] = ['mosquitto', 'aedes']

export const benchHelp = `Measures Castellan against Mosquitto and Aedes, on the same scenarios with the same configuration.

Usage: npm run bench -- [OPTION]...
       npm run bench -- --compare BEFORE.json AFTER.json

  --only NAME[,NAME]     only these scenarios; * stands for any letters. --list names them all
  --rounds N             measurements of each that count, fresh processes each time; medians are shown (default 3, of brokers other
                         than Castellan and Mosquitto 1; --quick 1; latency has three times as many). Where the core was
                         disturbed it is measured again, up to four times, and the least disturbed ones count
  --seconds S            length of one measurement (default 1)
  --config WHAT          acl: with password and access control list (default); anonymous: without; both
  --peer 'NAME=COMMAND'  a further broker; {port} and {conf} stand for the port it has to listen on, and for a
                         mosquitto.conf that says how. May be repeated
  --without NAME         leaves out mosquitto or aedes. May be repeated
  --json FILE            also writes every measurement to FILE; - writes it to standard output and the table to standard error
  --keep                 keeps the results in bench/results, named by date, time and commit, to be committed
  --quick                one short round, and a tenth of what is dear: to see that all works, no figures to quote
  --compare A B          shows how far two runs differ in Castellan's and Mosquitto's medians and their ratios, and fails when
                         CPU or memory differs by more than 15 %; latency is shown and not counted
  --list                 the scenarios, and the ratios they are to reach
  --help                 this page

All scenarios take some 20 minutes on a quiet machine and twice that on a busy one, with --quick four.
docs/benchmarks.md tells what is measured, and how.

Exit codes: 0 all measured, whether targets were met or missed; 1 something could not be measured or written, or differs;
2 wrong usage, or nowhere to write the results.
`

/** @throws BenchError with what would have been right */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const { values, positionals } = parse(args)
  if (values.help === true) return { action: 'help' }
  if (values.list === true) return { action: 'list' }
  if (values.compare === true) return compareArguments(positionals)
  const [unexpected] = positionals
  if (unexpected !== undefined) throw new BenchError(`unexpected argument '${escapeText(unexpected, 64)}'; ${seeHelp}`)
  const quick = values.quick === true
  const rounds = numberOf('--rounds', values.rounds, 1, 99, true)
  return {
    action: 'run',
    only: values.only?.flatMap(namesOf),
    rounds: rounds ?? (quick ? 1 : 3),
    otherRounds: rounds ?? 1,
    seconds: numberOf('--seconds', values.seconds, 0.2, 600, false) ?? 1,
    accesses: accessesOf(values.config ?? 'acl'),
    json: values.json,
    peers: peersOf(values.peer ?? []),
    without: (values.without ?? []).map(knownPeer),
    quick,
    keep: values.keep === true,
  }
}

/**
 * @param known the names that there are
 * @returns those that are wanted, in the order in which they are known
 * @throws BenchError for one that fits none
 */
export function selectNames(only: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  if (only === undefined) return known
  for (const pattern of only) {
    if (known.some(name => matchesGlob(name, pattern))) continue
    const near = nearestName(pattern, known)
    throw new BenchError(
      `no scenario is named '${escapeText(pattern, 64)}'; ${near === undefined ? '--list names them all' : `did you mean '${near}'`}`,
    )
  }
  return known.filter(name => only.some(pattern => matchesGlob(name, pattern)))
}

const seeHelp = '--help shows what there is'

const options = {
  only: { type: 'string', multiple: true },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  config: { type: 'string' },
  peer: { type: 'string', multiple: true },
  without: { type: 'string', multiple: true },
  json: { type: 'string' },
  keep: { type: 'boolean' },
  quick: { type: 'boolean' },
  compare: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    const [first = ''] = String((error as Error).message).split('. ')
    throw new BenchError(`${escapeText(first)}; ${seeHelp}`, { cause: error })
  }
}

function compareArguments(files: readonly string[]): CompareArguments {
  const [before, after] = files
  if (before === undefined || after === undefined || files.length > 2) {
    throw new BenchError(`--compare takes two files, not ${files.length}; --compare BEFORE.json AFTER.json`)
  }
  return { action: 'compare', before, after }
}

function namesOf(list: string): readonly string[] {
  const names = list.split(',').filter(name => name !== '')
  if (names.length === 0) {
    throw new BenchError(`--only '${escapeText(list, 64)}' names no scenario; --list names them all`)
  }
  return names
}

function numberOf(option: string, text: string | undefined, least: number, most: number, whole: boolean) {
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^[\d.]+$/.test(text) && value >= least && value <= most && (!whole || Number.isInteger(value))) return value
  throw new BenchError(
    `${option} '${escapeText(text, 32)}' is out of range; it is a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
  )
}

function accessesOf(text: string): readonly Access[] {
  if (text === 'both') return accesses
  const access = accesses.find(name => name === text)
  if (access === undefined) {
    throw new BenchError(`--config '${escapeText(text, 32)}' is unknown; it is one of ${accesses.join(', ')}, both`)
  }
  return [access]
}

function peersOf(texts: readonly string[]): readonly PeerCommand[] {
  const peers = texts.map(peerOf)
  const names = ['castellan', ...knownPeers, ...peers.map(({ name }) => name)]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new BenchError(`two brokers are named '${twice}'; give --peer another name`)
  return peers
}

function peerOf(text: string): PeerCommand {
  const [, name, command] = /^([a-z0-9][a-z0-9._-]{0,31})=(.*\S.*)$/i.exec(text) ?? []
  if (name === undefined || command === undefined) {
    throw new BenchError(
      `--peer '${escapeText(text, 80)}' is not NAME=COMMAND; it is one like 'mosquitto-2.1=/opt/mosquitto/sbin/mosquitto -c {conf}'`,
    )
  }
  if (!/\{(port|conf)\}/.test(command)) {
    throw new BenchError(
      `--peer '${name}' has neither {port} nor {conf} in its command; without, it cannot know its port`,
    )
  }
  return { name, command }
}

function knownPeer(name: string): string {
  if (knownPeers.includes(name)) return name
  throw new BenchError(`--without '${escapeText(name, 64)}' names none of ${knownPeers.join(', ')}`)
}
