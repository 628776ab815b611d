// What `castellan ctl` was asked for: its options checked and put together, those of the options file first.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import type { Target } from '../../client/target.ts'
import type { ProtocolVersion, QoS } from '../../mqtt/packet.ts'
import { CtlError, CtlUsageError } from './error.ts'
import { type CtlOptions, readOptionLines, readOptions } from './options.ts'
import { tlsOptions } from './tls.ts'

export interface CtlRequest {
  readonly options: CtlOptions
  /** Those that were typed: without the options file, which is for logging in. */
  readonly typed: CtlOptions
  /** Module, command, and what it is given. */
  readonly words: readonly string[]
}

/** Where to connect, and as whom; a password that has to be asked for is not here. */
export interface Access {
  readonly target: Target
  readonly protocolVersion: ProtocolVersion
  readonly qos: QoS
  readonly username: string | undefined
  readonly password: string | undefined
}

/** Bytes of an options file, or of one with a password. */
const largestFile = 1024 * 1024

/**
 * Reads the command line, and the options file that it names or that is in its place.
 *
 * @throws CtlUsageError
 * @throws CtlError for an options file that was named and cannot be read
 */
export function readRequest(args: readonly string[], env: NodeJS.ProcessEnv): CtlRequest {
  const given: CtlOptions = {}
  const words = readOptions(args, given)
  const options: CtlOptions = {}
  const named = given.optionsFile
  const path = named ?? usualFile(env)
  const text = path === undefined ? undefined : readText('options', path, named !== undefined)
  if (path !== undefined && text !== undefined) readOptionLines(text, escapeText(path, 4096), options)
  // What was typed goes before what the file says, also where the two contradict each other.
  if (given.url !== undefined || given.host !== undefined || given.unix !== undefined) {
    for (const key of ['url', 'host', 'unix'] as const) delete options[key]
  }
  return { options: { ...options, ...given }, typed: given, words }
}

function usualFile({ XDG_CONFIG_HOME: config, HOME: home }: NodeJS.ProcessEnv): string | undefined {
  if (config) return join(config, 'mosquitto_ctrl')
  return home ? join(home, '.config', 'mosquitto_ctrl') : undefined
}

/** @param kind which file, for messages */
function readText(kind: 'options' | 'password', path: string, isNamed: boolean): string | undefined {
  try {
    const text = readFileSync(path)
    if (text.length <= largestFile) return text.toString()
    throw new CtlError(`Error: The ${kind} file '${escapeText(path, 4096)}' is larger than ${largestFile} bytes.`)
  } catch (cause) {
    if (cause instanceof CtlError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    if (!isNamed && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
    throw new CtlError(`Error: Unable to read the ${kind} file '${escapeText(path, 4096)}' (${systemReason(cause)}).`, {
      cause,
    })
  }
}

/**
 * @throws CtlUsageError for a value that is none, and for options that exclude each other
 * @throws CtlError for a file that cannot be read
 */
export function accessOf(options: CtlOptions, env: NodeJS.ProcessEnv): Access {
  const url = options.url === undefined ? undefined : parseUrl(options.url)
  const username = options.username ?? url?.username
  const password = options.password ?? passwordElsewhere(options, env) ?? url?.password
  if (password !== undefined && username === undefined) {
    throw new CtlUsageError('Error: A password needs a username (-u).')
  }
  if (options.cleanSessionOff && options.id === undefined) {
    throw new CtlUsageError('Error: You must provide a client id (-i) with the -c option.')
  }
  return {
    target: targetOf(options, url),
    protocolVersion: versionOf(options.version ?? '5'),
    qos: qosOf(options.qos ?? '1'),
    username,
    password,
  }
}

function targetOf(options: CtlOptions, url: Place | undefined): Target {
  const { unix, host, address: localAddress } = options
  if ([unix, host, options.url].filter(place => place !== undefined).length > 1) {
    throw new CtlUsageError('Error: Only one of --unix, -h and -L can be given.')
  }
  if (unix !== undefined) return { path: unix }
  const tls = tlsOptions(options, url?.isSecure ?? false)
  const port = options.port === undefined ? undefined : portOf(options.port)
  const usual = tls === undefined ? 1883 : 8883
  return { host: host ?? url?.host ?? 'localhost', port: port ?? url?.port ?? usual, localAddress, tls }
}

interface Place {
  readonly host: string
  readonly port: number | undefined
  readonly isSecure: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

/** A topic behind it, which mosquitto_ctrl demands and does not use, may be left out. */
function parseUrl(text: string): Place {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isSecure = url?.protocol === 'mqtts:'
  // Not quoted: a password may be in it.
  if (url === undefined || url.hostname === '' || !(isSecure || url.protocol === 'mqtt:')) {
    throw new CtlUsageError('Error: A URL has to be mqtt://[user[:password]@]host[:port], or mqtts://… for TLS.')
  }
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? undefined : portOf(url.port),
    isSecure,
    username: decoded(url.username),
    password: decoded(url.password),
  }
}

function decoded(part: string): string | undefined {
  if (part === '') return undefined
  try {
    return decodeURIComponent(part)
  } catch {
    throw new CtlUsageError('Error: A % in a URL has to be written %25.')
  }
}

function portOf(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new CtlUsageError(`Error: Invalid port given: ${escapeText(text, 32)}; it has to be between 1 and 65535.`)
}

function qosOf(text: string): QoS {
  const qos = ([0, 1, 2] as const).find(known => String(known) === text)
  if (qos === undefined) throw new CtlUsageError(`Error: Invalid QoS given: ${escapeText(text, 32)}; it is 0, 1 or 2.`)
  return qos
}

const versions: ReadonlyMap<string, ProtocolVersion> = new Map([
  ['31', 3],
  ['mqttv31', 3],
  ['311', 4],
  ['mqttv311', 4],
  ['5', 5],
  ['mqttv5', 5],
])

function versionOf(text: string): ProtocolVersion {
  const version = versions.get(text)
  if (version !== undefined) return version
  throw new CtlUsageError('Error: Invalid protocol version argument given; it is 31, 311 or 5.')
}

/** Where other users of the machine do not see it. @throws CtlError for a file that cannot be read, a variable that is not set */
export function passwordElsewhere(
  { passwordFile, passwordEnv }: CtlOptions,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (passwordEnv !== undefined) {
    const password = env[passwordEnv]
    if (password !== undefined) return password
    throw new CtlError('Error: The variable that --password-env names is not set.')
  }
  if (passwordFile === undefined) return undefined
  return readText('password', passwordFile, true)?.replace(/\r?\n$/, '')
}
