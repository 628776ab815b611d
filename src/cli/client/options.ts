// The options of `castellan pub`, `sub` and `rr` as one table, each by the names that Mosquitto's tools have for it; for the
// command line and for the options file.

import { escapeText } from '../../base/escape.ts'
import { type Command, readProperty } from '../../client/property-words.ts'
import type { SocksProxy } from '../../client/socks5.ts'
import type { Properties, ProtocolVersion, QoS, RetainHandling } from '../../mqtt/packet.ts'
import { pasteTrap } from '../paste-traps.ts'
import { ClientUsageError } from './error.ts'
import { checkFormat } from './message-format.ts'
import { readClientUrl, readProxyUrl } from './urls.ts'
import { publishTopic, subscribeTopic, wholeNumber } from './values.ts'

export type Tool = 'pub' | 'sub' | 'rr'

/** Where what is published comes from. */
export type MessageSource =
  | { readonly from: 'argument'; readonly text: string }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'nothing' | 'input' | 'lines' }

/** What was given; undefined where it was not. Later options take the place of earlier ones. */
export interface ClientOptions {
  address?: string
  alpn?: string
  cafile?: string
  capath?: string
  cert?: string
  ciphers?: string
  cleanSessionOff?: true
  count?: number
  debug?: true
  exitAfterSubscribing?: true
  filterOut: string[]
  format?: string
  help?: true
  host?: string
  id?: string
  idPrefix?: string
  insecure?: true
  keepAlive?: number
  key?: string
  keylog?: string
  latency?: true
  maximumInFlight?: number
  noLineEnd?: true
  noTls?: true
  optionsFile?: string
  osCertificates?: true
  password?: string
  passwordEnv?: string
  passwordFile?: string
  passwordInput?: true
  path?: string
  port?: number
  pretty?: true
  properties: Partial<Record<Command, Properties>>
  proxy?: SocksProxy
  psk?: string
  pskIdentity?: string
  qos?: QoS
  quiet?: true
  randomPercent?: number
  rawTerminal?: true
  removeRetained?: true
  repeat?: number
  repeatDelay?: number
  responseTopic?: string
  retain?: true
  retainAsPublished?: true
  retainHandling?: RetainHandling
  retainedOnly?: true
  service?: true
  sessionExpiry?: number
  skipRetained?: true
  source?: MessageSource
  timeout?: number
  tlsVersion?: string
  topics: string[]
  unsubscribe: string[]
  username?: string
  verbose?: true
  version?: ProtocolVersion
  showVersion?: true
  watch?: true
  webSocket?: true
  willPayload?: string
  willQos?: QoS
  willRetain?: true
  willTopic?: string
}

type Texts = Exclude<KeysOf<string>, 'version'>
type Flags = KeysOf<true>
type KeysOf<T> = {
  [K in keyof ClientOptions]-?: ClientOptions[K] extends T | undefined ? K : never
}[keyof ClientOptions]

interface Option {
  readonly names: readonly string[]
  /** Who knows it. */
  readonly tools: readonly Tool[]
  /** What has to follow, in the words of the message that it does not; undefined where nothing does. */
  readonly takes?: string
  read(options: ClientOptions, value: string, tool: Tool): void
}

const all: readonly Tool[] = ['pub', 'sub', 'rr']
const receivers: readonly Tool[] = ['sub', 'rr']
const senders: readonly Tool[] = ['pub', 'rr']

function set<K extends keyof ClientOptions>(options: ClientOptions, key: K, value: Required<ClientOptions>[K]): void {
  options[key] = value
}

function flag(names: readonly string[], key: Flags, tools = all): Option {
  return { names, tools, read: options => set(options, key, true) }
}

function text(names: readonly string[], takes: string, key: Texts, tools = all): Option {
  return { names, tools, takes, read: (options, value) => set(options, key, value) }
}

function number(
  names: readonly string[],
  takes: string,
  tools: readonly Tool[],
  read: (options: ClientOptions, value: string) => void,
): Option {
  return { names, tools, takes, read }
}

function refused(names: readonly string[], takes: string | undefined, why: string): Option {
  const read = () => {
    throw new ClientUsageError(`Error: ${names[0]}: ${why}.`)
  }
  return { names, tools: all, ...(takes !== undefined && { takes }), read }
}

function source(
  names: readonly string[],
  tools: readonly Tool[],
  take: (value: string) => MessageSource,
  takes?: string,
): Option {
  const read = (options: ClientOptions, value: string) => {
    if (options.source) throw new ClientUsageError('Error: Only one type of message can be sent at once.')
    options.source = take(value)
  }
  return { names, tools, ...(takes !== undefined && { takes }), read }
}

const noEngine = 'OpenSSL 3 and later have no engines; a provider and its key file take their place (--key)'

const table: readonly Option[] = [
  text(['-A'], 'address', 'address'),
  text(['--cafile'], 'file', 'cafile'),
  text(['--capath'], 'directory', 'capath'),
  text(['--cert'], 'file', 'cert'),
  text(['--ciphers'], 'ciphers', 'ciphers'),
  number(['-C'], 'count', ['sub'], (options, value) => {
    options.count = wholeNumber(value, 1, 0x7fff_ffff, `Invalid message count "${escapeText(value, 32)}"`)
  }),
  flag(['-c', '--disable-clean-session'], 'cleanSessionOff'),
  flag(['-d', '--debug'], 'debug'),
  {
    names: ['-e'],
    tools: ['rr'],
    takes: 'response topic',
    read: (options, value) => set(options, 'responseTopic', publishTopic(value, 'response', '-e')),
  },
  flag(['-E'], 'exitAfterSubscribing', ['sub']),
  source(['-f', '--file'], senders, path => ({ from: 'file', path }), 'file'),
  {
    names: ['-F'],
    tools: receivers,
    takes: 'format',
    read(options, value) {
      checkFormat(value)
      options.format = value
    },
  },
  flag(['--help'], 'help'),
  {
    names: ['-h', '--host'],
    tools: all,
    takes: 'host',
    read(options, value) {
      options.host = value
      delete options.path
    },
  },
  text(['-i', '--id'], 'id', 'id'),
  text(['-I', '--id-prefix'], 'id prefix', 'idPrefix'),
  flag(['--insecure'], 'insecure'),
  number(['-k', '--keepalive'], 'keepalive', all, (options, value) => {
    options.keepAlive = wholeNumber(
      value,
      5,
      65_535,
      'Invalid keepalive given, it must be between 5 and 65535 inclusive',
    )
  }),
  text(['--key'], 'file', 'key'),
  {
    names: ['--keyform'],
    tools: all,
    takes: 'keyform',
    read(_options, value) {
      if (value !== 'pem') throw new ClientUsageError(`Error: --keyform: it is 'pem'; ${noEngine}.`)
    },
  },
  flag(['--latency'], 'latency', ['rr']),
  {
    names: ['-L', '--url'],
    tools: all,
    takes: 'URL',
    read(options, value, tool) {
      const { topic, ...place } = readClientUrl(value)
      delete options.path
      Object.assign(options, place)
      addTopic(options, topic, tool, '-L topic')
    },
  },
  source(['-l', '--stdin-line'], ['pub'], () => ({ from: 'lines' })),
  source(['-m', '--message'], senders, given => ({ from: 'argument', text: given }), 'message'),
  number(['-M'], 'max_inflight', all, (options, value) => {
    options.maximumInFlight = wholeNumber(value, 1, 0x7fff_ffff, 'Maximum inflight messages must be greater than 0')
  }),
  refused(
    ['--message-rate'],
    undefined,
    'this program does not count for you; pipe its lines into a program that does',
  ),
  refused(['--mptcp'], undefined, 'this program cannot open connections over several paths'),
  source(['-n', '--null-message'], senders, () => ({ from: 'nothing' })),
  // What is sent leaves at once in any case.
  { names: ['--nodelay'], tools: all, read() {} },
  flag(['--no-tls'], 'noTls'),
  flag(['-N'], 'noLineEnd', receivers),
  text(['-o'], 'options file', 'optionsFile'),
  number(['-p', '--port'], 'port', all, (options, value) => {
    options.port = wholeNumber(value, 1, 65_535, `Invalid port given: ${escapeText(value, 32)}`)
  }),
  text(['-P', '--pw'], 'password', 'password'),
  text(['--password-env'], 'name', 'passwordEnv'),
  text(['--password-file'], 'file', 'passwordFile'),
  flag(['--password-stdin'], 'passwordInput'),
  flag(['--pretty'], 'pretty', receivers),
  {
    names: ['--proxy'],
    tools: all,
    takes: 'proxy url',
    read: (options, value) => set(options, 'proxy', readProxyUrl(value)),
  },
  text(['--psk'], 'key', 'psk'),
  text(['--psk-identity'], 'identity', 'pskIdentity'),
  number(['-q', '--qos'], 'QoS', all, (options, value) => {
    options.qos = wholeNumber(value, 0, 2, `Invalid QoS given: ${escapeText(value, 32)}`) as QoS
  }),
  flag(['--quiet'], 'quiet'),
  flag(['-r', '--retain'], 'retain', ['pub']),
  {
    names: ['-R'],
    tools: receivers,
    read(options) {
      options.skipRetained = true
      options.retainHandling = 2
    },
  },
  number(['--random-filter'], 'chance', ['sub'], (options, value) => {
    const percent = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0
    if (percent < 0.1 || percent > 100) {
      throw new ClientUsageError('Error: --random-filter chance must be between 0.1-100.0')
    }
    options.randomPercent = percent
  }),
  flag(['--remove-retained'], 'removeRetained', ['sub']),
  number(['--repeat'], 'count', ['pub'], (options, value) => {
    options.repeat = wholeNumber(value, 1, 0x7fff_ffff, '--repeat argument must be >0')
  }),
  number(['--repeat-delay'], 'time', ['pub'], (options, value) => {
    const seconds = /^\d*\.?\d+$|^\d+\.$/.test(value) ? Number(value) : undefined
    if (seconds === undefined || seconds > longestDelay) {
      throw new ClientUsageError('Error: --repeat-delay argument must be >=0.0.')
    }
    options.repeatDelay = seconds
  }),
  flag(['--retain-as-published'], 'retainAsPublished', receivers),
  {
    names: ['--retain-handling'],
    tools: receivers,
    takes: 'option',
    read(options, value) {
      const handling = ({ always: 0, new: 1, never: 2 } as const)[value]
      if (handling === undefined) {
        throw new ClientUsageError(`Error: Unknown value '${escapeText(value, 32)}' for --retain-handling.`)
      }
      options.retainHandling = handling
    },
  },
  flag(['--retained-only'], 'retainedOnly', ['sub']),
  source(['-s', '--stdin-file'], senders, () => ({ from: 'input' })),
  flag(['-S'], 'service'),
  {
    names: ['-t', '--topic'],
    tools: all,
    takes: 'topic',
    read: (options, value, tool) => addTopic(options, value, tool, '-t'),
  },
  {
    names: ['-T', '--filter-out'],
    tools: ['sub'],
    takes: 'topic filter',
    read: (options, value) => void options.filterOut.push(subscribeTopic(value, 'filter', '-T')),
  },
  text(['--tls-alpn'], 'protocol', 'alpn'),
  refused(['--tls-engine'], 'engine_id', noEngine),
  refused(['--tls-engine-kpass-sha1'], 'kpass sha1', noEngine),
  text(['--tls-keylog'], 'file', 'keylog'),
  flag(['--tls-use-os-certs'], 'osCertificates'),
  text(['--tls-version'], 'version', 'tlsVersion'),
  text(['-u', '--username'], 'username', 'username'),
  {
    names: ['--unix'],
    tools: all,
    takes: 'socket path',
    read(options, value) {
      options.path = value
      delete options.host
    },
  },
  flag(['--unsafe-terminal'], 'rawTerminal', receivers),
  {
    names: ['-U', '--unsubscribe'],
    tools: ['sub'],
    takes: 'unsubscribe topic',
    read: (options, value) => void options.unsubscribe.push(subscribeTopic(value, 'unsubscribe', '-U')),
  },
  {
    names: ['-V', '--protocol-version'],
    tools: all,
    takes: 'version',
    read(options, value) {
      const version = versions.get(value)
      if (version === undefined) throw new ClientUsageError('Error: Invalid protocol version argument given.')
      options.version = version
    },
  },
  flag(['-v', '--verbose'], 'verbose', receivers),
  flag(['--version'], 'showVersion'),
  flag(['-w', '--watch'], 'watch', ['sub']),
  number(['-W'], 'timeout', receivers, (options, value) => {
    options.timeout = wholeNumber(value, 1, longestDelay, `Invalid timeout "${escapeText(value, 32)}"`)
  }),
  text(['--will-payload'], 'will payload', 'willPayload'),
  number(['--will-qos'], 'will QoS', all, (options, value) => {
    options.willQos = wholeNumber(value, 0, 2, `Invalid will QoS ${escapeText(value, 32)}`) as QoS
  }),
  flag(['--will-retain'], 'willRetain'),
  {
    names: ['--will-topic'],
    tools: all,
    takes: 'will topic',
    read: (options, value) => set(options, 'willTopic', publishTopic(value, 'will', '--will-topic')),
  },
  flag(['--ws'], 'webSocket'),
  {
    names: ['-x'],
    tools: all,
    takes: 'session expiry interval',
    read(options, value) {
      options.sessionExpiry = expiryOf(value)
      options.version = 5
    },
  },
]

/** Seconds; what a timer of Node can wait for is a little more. */
const longestDelay = 2_000_000
const never = 0xffff_ffff

const versions: ReadonlyMap<string, ProtocolVersion> = new Map([
  ['31', 3],
  ['mqttv31', 3],
  ['311', 4],
  ['mqttv311', 4],
  ['5', 5],
  ['mqttv5', 5],
])

/** Every option name that this tool knows: for the documentation and shell completion. */
export function optionNames(tool: Tool): readonly string[] {
  return [...table.filter(({ tools }) => tools.includes(tool)).flatMap(({ names }) => names), '-D', '--property']
}

/** Nothing given yet. */
export function noOptions(): ClientOptions {
  return { topics: [], filterOut: [], unsubscribe: [], properties: {} }
}

/**
 * Reads arguments into `options`, in order; stops at `--help` and `--version`.
 *
 * @throws ClientUsageError at the first that is wrong
 * @throws PropertyError
 */
export function readClientOptions(args: readonly string[], tool: Tool, options: ClientOptions): void {
  for (let index = 0; index < args.length; index++) {
    const name = args[index] as string
    if (name === '-D' || name === '--property') {
      index += addProperty(options, args.slice(index + 1, index + 5))
      continue
    }
    const option = table.find(({ names, tools }) => names.includes(name) && tools.includes(tool))
    if (option === undefined) throw unknownOption(name)
    const value = args[index + 1]
    if (option.takes === undefined) option.read(options, '', tool)
    else if (value === undefined) throw missing(option)
    else option.read(options, value, tool)
    if (option.takes !== undefined) index++
    if (options.help || options.showVersion) return
  }
}

function addProperty(options: ClientOptions, words: readonly string[]): number {
  const { command, properties, size } = readProperty(words, each => options.properties[each] ?? {})
  options.properties[command] = properties
  options.version = 5
  return size
}

/** Who publishes has one topic, the last; who subscribes has all. */
function addTopic(options: ClientOptions, topic: string, tool: Tool, name: string): void {
  if (tool === 'sub') options.topics.push(subscribeTopic(topic, 'subscription', name))
  else options.topics = [publishTopic(topic, 'publish', name)]
}

function expiryOf(text: string): number {
  if (text === '∞') return never
  const value = /^-?\d+$|^0x[0-9a-f]+$/i.test(text) ? Number(text) : undefined
  if (value === undefined) throw new ClientUsageError('Error: session-expiry-interval not a number.')
  if (value < -1 || value > never) throw new ClientUsageError('Error: session-expiry-interval out of range.')
  return value === -1 ? never : value
}

function missing({ names, takes }: Option): ClientUsageError {
  return new ClientUsageError(`Error: ${names[0]} argument given but no ${takes} specified.`)
}

/** `-Psecret` is no option, and nobody's to read. */
function unknownOption(name: string): ClientUsageError {
  const shown = /^--[A-Za-z][\w-]{0,40}$|^-.$/.test(name) ? name : `${escapeText(name.slice(0, 2))}…`
  const trap = pasteTrap([name], true) ?? pasteTrap([name.slice(0, 48)], false)
  return new ClientUsageError(`Error: Unknown option '${shown}'.${trap === undefined ? '' : `\n${trap}`}`)
}
