// The command line of `castellan bench`, and its page.

import { escapeText } from '../../base/escape.ts'
import type { QoS } from '../../mqtt/packet.ts'
import { type OwnOption, readConnectionArguments } from '../connection-arguments.ts'
import { CtlUsageError } from '../ctl/error.ts'
import type { CtlOptions } from '../ctl/options.ts'
import { connectionHelp } from '../tap/help.ts'

export interface BenchRequest {
  readonly publishers: number
  readonly subscribers: number
  readonly topics: number
  /** Bytes of each payload. */
  readonly size: number
  readonly qos: QoS
  /** Messages a second of all publishers together; 0 for as many as go. */
  readonly rate: number
  /** Seconds. */
  readonly duration: number
  /** Messages of one publisher that may be on their way. */
  readonly window: number
  /** What all topics begin with; undefined for one of this run alone. */
  readonly prefix: string | undefined
  readonly asJson: boolean
  readonly isAgreed: boolean
  readonly connection: CtlOptions
}

/** What can be counted, with the least and the most that it can be, and what it is unless given. */
const numbers = {
  publishers: { least: 1, most: 1000, usual: 1 },
  subscribers: { least: 0, most: 1000, usual: 1 },
  topics: { least: 1, most: 10_000, usual: 1 },
  size: { least: 16, most: 1_048_576, usual: 100 },
  qos: { least: 0, most: 2, usual: 0 },
  rate: { least: 0, most: 10_000_000, usual: 0 },
  duration: { least: 1, most: 3600, usual: 10 },
  window: { least: 1, most: 10_000, usual: 100 },
} as const

type NumberName = keyof typeof numbers

function range(name: NumberName): string {
  const { least, most, usual } = numbers[name]
  return `${least} to ${most}; ${usual} unless given`
}

export const benchHelp = `Usage: castellan bench [URL] [OPTIONS]

Has publishers send to a broker for a while, and subscribers that hear all of it: how many messages go through, how long they take,
and whether some are lost or come twice. What can be read from it holds for both together, the broker and this machine; and nothing
of it is real load: a broker on the same machine has to share it.

  --publishers NUMBER      ${range('publishers')}
  --subscribers NUMBER     each gets every message; ${range('subscribers')}
  --topics NUMBER          published to in turn; ${range('topics')}
  --size BYTES             of a payload; ${range('size')}
  -q, --qos QOS            0, 1, 2; 0 unless given
  --rate NUMBER            messages a second of all publishers together; 0, as many as go, unless given
  --duration SECONDS       ${range('duration')}
  --window NUMBER          messages of a publisher on their way at a time; ${range('window')}
  --prefix TOPIC           what all topics begin with; castellan-bench/ and a word by chance unless given
  --yes                    do not ask before a broker on another machine is loaded
  -o json                  the figures as JSON

${connectionHelp}

Latency is from when a message was to be sent until a subscriber has it. Exit codes: 0 done, 1 failed, 2 wrong usage, 4 not let in,
or not agreed to, 6 the broker cannot be reached, or is gone, 7 messages of QoS 1 or 2 were lost, or such of QoS 2 came twice,
130 interrupted.

Examples:
  castellan bench
  castellan bench --publishers 50 --subscribers 2 --qos 1 --duration 30
  castellan bench mqtts://broker.example.org --yes --cafile ca.crt --cert a.crt --key a.key --rate 1000 -o json
`

/** @throws CtlUsageError */
export function readBenchArguments(args: readonly string[]): BenchRequest {
  const given = new Map<NumberName, number>()
  const words: { prefix: string | undefined; asJson: boolean; isAgreed: boolean } = {
    prefix: undefined,
    asJson: false,
    isAgreed: false,
  }
  const own: Record<string, OwnOption> = {
    '--prefix': {
      takes: 'the beginning of topics',
      read(value) {
        words.prefix = prefixOf(value)
      },
    },
    '--yes': {
      read() {
        words.isAgreed = true
      },
    },
    '-o': {
      takes: "'json'",
      read(value) {
        if (value !== 'json') throw new CtlUsageError(`Error: -o '${escapeText(value, 32)}' is no format; it is json.`)
        words.asJson = true
      },
    },
  }
  for (const name of Object.keys(numbers) as NumberName[]) {
    own[`--${name}`] = { takes: 'a number', read: value => void given.set(name, numberOf(name, value)) }
  }
  own['-q'] = own['--qos'] as OwnOption
  const connection = readConnectionArguments(args, own)
  const value = (name: NumberName) => given.get(name) ?? numbers[name].usual
  return {
    publishers: value('publishers'),
    subscribers: value('subscribers'),
    topics: value('topics'),
    size: value('size'),
    qos: value('qos') as QoS,
    rate: value('rate'),
    duration: value('duration'),
    window: value('window'),
    ...words,
    connection,
  }
}

function numberOf(name: NumberName, text: string): number {
  const { least, most } = numbers[name]
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value
  throw new CtlUsageError(`Error: --${name} '${escapeText(text, 32)}' is no number from ${least} to ${most}.`)
}

/** Bytes of a topic, of which the end is ours. */
const longestPrefix = 60_000

function prefixOf(text: string): string {
  if (text !== '' && Buffer.byteLength(text) <= longestPrefix && !/[+#\0]/.test(text)) return text
  throw new CtlUsageError(
    `Error: --prefix '${escapeText(text, 32)}' is no beginning of a topic; it has no +, # or NUL.`,
  )
}
