// What `castellan pub`, `sub` and `rr` were asked for, whole: the options file first, then the command line, checked against each
// other.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import type { Connect, Properties, ProtocolVersion, Will } from '../../mqtt/packet.ts'
import type { Io } from '../verbs.ts'
import { ClientUsageError, failed } from './error.ts'
import { type ClientOptions, noOptions, readClientOptions, type Tool } from './options.ts'

/** Bytes of an options file. */
const largestFile = 1024 * 1024
const connectType = 1
const alphanumeric = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** Messages of QoS 1 and 2 on their way at a time, in each direction. */
export const usualInFlight = 20
const never = 0xffff_ffff

/**
 * Reads the options file that `-o` names, or the user's own, and the command line.
 *
 * @throws ClientUsageError
 * @throws PropertyError
 * @throws ClientError for an options file that was named and cannot be read
 */
export function readClientSettings(args: readonly string[], tool: Tool, env: Io['env']): ClientOptions {
  const options = noOptions()
  const named = namedFile(args)
  const path = named ?? usualFile(tool, env)
  if (path !== undefined) readLines(readText(path, named !== undefined), path, tool, options)
  readClientOptions(args, tool, options)
  if (!options.help && !options.showVersion) check(options, tool)
  return options
}

function namedFile(args: readonly string[]): string | undefined {
  const at = args.indexOf('-o')
  if (at === -1) return undefined
  if (args.indexOf('-o', at + 1) !== -1) throw new ClientUsageError('Error: Duplicate -o argument given.')
  return args[at + 1]
}

function usualFile(tool: Tool, { XDG_CONFIG_HOME: config, HOME: home }: Io['env']): string | undefined {
  if (config) return join(config, `mosquitto_${tool}`)
  return home ? join(home, '.config', `mosquitto_${tool}`) : undefined
}

function readText(path: string, isNamed: boolean): string {
  try {
    const text = readFileSync(path)
    if (text.length <= largestFile) return text.toString()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (!isNamed && (code === 'ENOENT' || code === 'ENOTDIR')) return ''
    throw failed(`Error: Unable to read the options file '${escapeText(path, 4096)}' (${systemReason(cause)}).`, cause)
  }
  throw failed(`Error: The options file '${escapeText(path, 4096)}' is larger than ${largestFile} bytes.`)
}

/** An option a line; what stands behind the first blank is its value. */
function readLines(text: string, path: string, tool: Tool, options: ClientOptions): void {
  for (const [index, line] of text.split('\n').entries()) {
    const [, name, value] = /^ *([^ \r]+)(?: (.*?))?\r*$/.exec(line) ?? []
    if (name === undefined || line.startsWith('#')) continue
    try {
      readClientOptions(value ? [name, value] : [name], tool, options)
    } catch (error) {
      if (!(error instanceof ClientUsageError)) throw error
      throw new ClientUsageError(`${error.message} (${escapeText(path, 4096)}, line ${index + 1})`)
    }
  }
}

function check(options: ClientOptions, tool: Tool): void {
  const fault = rules.find(([isBroken]) => isBroken(options, tool))?.[1]
  if (fault !== undefined) throw new ClientUsageError(`Error: ${fault}`)
}

type Rule = readonly [isBroken: (options: ClientOptions, tool: Tool) => boolean, fault: string]

/** In the order in which they are told. */
const rules: readonly Rule[] = [
  [({ id, idPrefix }) => id !== undefined && idPrefix !== undefined, '-i and -I argument cannot be used together.'],
  [
    ({ willPayload, willTopic }) => willPayload !== undefined && willTopic === undefined,
    'Will payload given, but no will topic given.',
  ],
  [
    ({ willRetain, willTopic }) => willRetain === true && willTopic === undefined,
    'Will retain given, but no will topic given.',
  ],
  [
    ({ cert, key }) => (cert === undefined) !== (key === undefined),
    'Both certfile and keyfile must be provided if one of them is set.',
  ],
  [
    ({ psk, cafile, capath }) => psk !== undefined && (cafile ?? capath) !== undefined,
    'Only one of --psk or --cafile/--capath may be used at once.',
  ],
  [({ psk, pskIdentity }) => psk !== undefined && pskIdentity === undefined, '--psk-identity required if --psk used.'],
  [
    (options, tool) => versionOf(options, tool) === 5 && expiryOf(options) === never && options.id === undefined,
    'You must provide a client id if you are using an infinite session expiry interval.',
  ],
  [
    (options, tool) => versionOf(options, tool) < 5 && options.cleanSessionOff === true && options.id === undefined,
    'You must provide a client id if you are using the -c option.',
  ],
  [({ id }) => id === '', 'Invalid id.'],
  [
    (options, tool) => versionOf(options, tool) < 5 && hasPassword(options) && options.username === undefined,
    'A password needs a username (-u).',
  ],
  [
    ({ passwordInput, source }) => passwordInput === true && (source?.from === 'input' || source?.from === 'lines'),
    '--password-stdin takes the input that -s and -l publish.',
  ],
  [
    ({ topics, unsubscribe }, tool) => tool === 'sub' && topics.length + unsubscribe.length === 0,
    'You must specify a topic to subscribe to (-t) or unsubscribe from (-U).',
  ],
  [
    ({ skipRetained, retainedOnly }) => skipRetained === true && retainedOnly === true,
    "Combining '-R' and '--retained-only' makes no sense.",
  ],
  [
    ({ topics, source, responseTopic }, tool) =>
      tool === 'rr' && (topics.length === 0 || source === undefined || responseTopic === undefined),
    'All of topic, message, and response topic must be supplied.',
  ],
  [
    ({ topics, source }, tool) => tool === 'pub' && (topics.length === 0 || source === undefined),
    'Both topic and message must be supplied.',
  ],
  [
    ({ topics, properties }, tool) =>
      tool !== 'sub' && topics[0] === '' && properties.publish?.topicAlias === undefined,
    "Invalid publish topic '', it needs at least one character.",
  ],
  [
    ({ properties }, tool) => tool === 'rr' && properties.publish?.responseTopic !== undefined,
    'PUBLISH properties: Duplicate response topic.',
  ],
]

function hasPassword({ password, passwordEnv, passwordFile, passwordInput }: ClientOptions): boolean {
  return (password ?? passwordEnv ?? passwordFile ?? passwordInput) !== undefined
}

/** MQTT 5 for requests and responses, which it has; 3.1.1 for the others, as Mosquitto. */
export function versionOf({ version }: ClientOptions, tool: Tool): ProtocolVersion {
  return version ?? (tool === 'rr' ? 5 : 4)
}

/** Seconds; undefined where the session ends with the connection. */
function expiryOf({ sessionExpiry, cleanSessionOff }: ClientOptions): number | undefined {
  return sessionExpiry ?? (cleanSessionOff ? never : undefined)
}

/**
 * The CONNECT that was asked for.
 *
 * @param password already read from where it was
 */
export function connectOf(options: ClientOptions, tool: Tool, password: string | undefined): Connect {
  return {
    type: connectType,
    protocolVersion: versionOf(options, tool),
    bridge: false,
    cleanStart: !options.cleanSessionOff,
    keepAlive: options.keepAlive ?? 60,
    clientId: clientIdOf(options, tool),
    username: options.username,
    password: password === undefined ? undefined : Buffer.from(password),
    will: willOf(options),
    properties: connectProperties(options),
  }
}

/** No more comes than is counted (`-C`): who ends after one message has not taken others from a session that lasts. */
function connectProperties(options: ClientOptions): Properties {
  const expiry = expiryOf(options)
  return {
    receiveMaximum: Math.min(options.count ?? usualInFlight, usualInFlight),
    ...(expiry && { sessionExpiryInterval: expiry }),
    ...options.properties.connect,
  }
}

/** Brokers make one up, but for MQTT 3.1, where the client has to have a name. */
function clientIdOf(options: ClientOptions, tool: Tool): string {
  const { id, idPrefix } = options
  if (idPrefix !== undefined) return `${idPrefix}${process.pid}`
  if (id !== undefined || versionOf(options, tool) > 3) return id ?? ''
  return `mosq-${[...randomBytes(18)].map(byte => alphanumeric[byte % alphanumeric.length]).join('')}`
}

function willOf({ willTopic, willPayload = '', willQos, willRetain, properties }: ClientOptions): Will | undefined {
  if (willTopic === undefined) return undefined
  return {
    topicName: willTopic,
    payload: Buffer.from(willPayload),
    qos: willQos ?? 0,
    retain: willRetain === true,
    properties: properties.will ?? {},
  }
}
