// How the values of bridge options are read: addresses, topics, and those that Mosquitto has words of its own for.

import { isIP } from 'node:net'
import { escapeText } from '../base/escape.ts'
import { emptyValue, firstToken, integer, OptionValueError, parseInteger, type Value } from '../config/value.ts'
import type { QoS } from '../mqtt/packet.ts'
import { neverExpiresInterval } from '../session/session.ts'
import { topicFilterFault, topicNameFault } from '../topic/name.ts'

export interface BridgeAddress {
  readonly host: string
  readonly port: number
}

/** One `topic` line. */
export interface TopicShare {
  readonly direction: 'in' | 'out' | 'both'
  readonly qos: QoS
  readonly localPrefix: string
  readonly remotePrefix: string
  /** A topic filter; empty to map one topic, named by the prefixes, to one. */
  readonly pattern: string
}

/** In seconds. */
export interface RestartTimeout {
  readonly base: number
  /** undefined: always `base`. */
  readonly cap: number | undefined
  /** How long a connection has to last for the next delay to begin at `base` again. */
  readonly stable: number
}

/** Seconds until the first probe, seconds between probes, and how many of them. */
export interface TcpKeepAlive {
  readonly idle: number
  readonly interval: number
  readonly count: number
}

const defaultPort = 1883
const mostAddresses = 64
/** tcp(7): what Linux takes. */
const mostKeepAliveSeconds = 32_767
const mostProbes = 127
/** Each is looked at for each message. */
const mostTopics = 1000

/** `host[:port] …`, up to a word that begins with `#`; a second line is refused. */
export function addresses(): Value<readonly BridgeAddress[]> {
  return {
    syntax: '<host>[:<port>] …',
    parse(rest, name, previous) {
      if (previous !== undefined)
        throw new OptionValueError("Error: Duplicate 'bridge address' value in configuration.")
      const words = upToComment(rest.split(' ').filter(word => word !== ''))
      if (words.length === 0) throw emptyValue(name)
      if (words.length > mostAddresses) {
        throw new OptionValueError(
          `Error: '${name}' has ${words.length} addresses, at most ${mostAddresses} are tried.`,
        )
      }
      return words.map(word => addressOf(word, name))
    },
  }
}

/** The last colon is before the port: an IPv6 address needs one. */
function addressOf(word: string, name: string): BridgeAddress {
  const colon = word.lastIndexOf(':')
  const host = (colon < 0 ? word : word.slice(0, colon)).replace(/^\[(.*)\]$/, '$1')
  if (host === '') throw new OptionValueError(`Error: Invalid address '${escapeText(word)}'.`)
  if (colon < 0) return { host, port: defaultPort }
  if (host.includes(':') && isIP(host) !== 6) {
    throw new OptionValueError(
      `Error: Invalid address '${escapeText(word)}'; an IPv6 address needs its port behind it.`,
    )
  }
  const port = parseInteger(word.slice(colon + 1), name)
  if (port < 1 || port > 65_535) throw new OptionValueError(`Error: Invalid port value (${port}).`)
  return { host, port }
}

/** `pattern [out | in | both [qos [local-prefix remote-prefix]]]`; `""` is nothing. */
export function topics(): Value<readonly TopicShare[]> {
  return {
    syntax: '<pattern> [out | in | both [<qos> [<local prefix> <remote prefix>]]]',
    parse(rest, name, previous = []) {
      if (previous.length === mostTopics) {
        throw new OptionValueError(`Error: a bridge has at most ${mostTopics} lines '${name}'.`)
      }
      return [...previous, topicOf(rest, name)]
    },
  }
}

function topicOf(rest: string, name: string): TopicShare {
  const [pattern, ...others] = wordsOf(rest, name)
  if (pattern === undefined) throw emptyValue(name)
  const [direction = 'out', qos = '0', localPrefix = '', remotePrefix = ''] = upToComment(others).map(unquoted)
  const share = {
    direction: directionOf(direction),
    qos: qosOf(qos),
    localPrefix,
    remotePrefix,
    pattern: unquoted(pattern),
  }
  checkMapping(share)
  return share
}

/** What stands between quotes is one word, which keeps them: `"#"` begins no comment. */
function wordsOf(rest: string, name: string): readonly string[] {
  const words = rest.match(/"[^"]*"|[^ ]+/g) ?? []
  if (words.some(word => word === '"' || (word.startsWith('"') && !/^"[^"]*"$/.test(word)))) {
    throw new OptionValueError(`Error: Missing closing quote in '${name}' value.`)
  }
  return words
}

function upToComment(words: readonly string[]): readonly string[] {
  const end = words.findIndex(word => word.startsWith('#'))
  return end < 0 ? words : words.slice(0, end)
}

function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1) : word
}

function directionOf(word: string): TopicShare['direction'] {
  const direction = word.toLowerCase()
  if (direction === 'in' || direction === 'out' || direction === 'both') return direction
  throw new OptionValueError(`Error: Invalid bridge topic direction '${escapeText(word)}'.`)
}

function qosOf(word: string): QoS {
  if (word === '0' || word === '1' || word === '2') return Number(word) as QoS
  throw new OptionValueError(`Error: Invalid bridge QoS level '${escapeText(word)}'.`)
}

function checkMapping({ pattern, localPrefix, remotePrefix }: TopicShare): void {
  for (const [side, prefix] of Object.entries({ local: localPrefix, remote: remotePrefix })) {
    if (prefix !== '' && (topicNameFault(prefix) !== undefined || prefix.startsWith('$share/'))) {
      throw new OptionValueError(`Error: Invalid bridge topic ${side} prefix '${escapeText(prefix)}'.`)
    }
    // Which of the two brokers' topics a member of a group gets cannot be told from its topic alone.
    const whole = prefix + pattern
    if (pattern !== '' && (topicFilterFault(whole) !== undefined || whole.startsWith('$share/'))) {
      throw new OptionValueError(
        `Error: Invalid bridge topic ${side} prefix and pattern combination '${escapeText(whole)}'.`,
      )
    }
  }
  if (pattern === '' && (localPrefix === '' || remotePrefix === '')) {
    throw new OptionValueError('Error: Invalid bridge remapping.')
  }
}

/** `<constant> | <base> <cap> [<stable>]`. */
export function restartTimeout(): Value<RestartTimeout> {
  return {
    syntax: '<constant> | <base> <cap> [<stable>]',
    parse(rest, name, _previous, warn) {
      const [first, second, third] = rest.split(' ').filter(word => word !== '')
      if (first === undefined) throw new OptionValueError('Error: Empty restart_timeout value in configuration.')
      const base = atLeast(1, 'restart_timeout interval too low, using 1 second.').parse(first, name, undefined, warn)
      if (base > 3600) throw new OptionValueError(`Error: '${name}' must be at most 3600.`)
      const cap = second === undefined ? undefined : parseInteger(second, name)
      if (cap !== undefined && cap < base) {
        throw new OptionValueError('Error: backoff cap is lower than the base in restart_timeout.')
      }
      if (cap !== undefined && cap > 7200) throw new OptionValueError(`Error: '${name}' cap must be at most 7200.`)
      const stable = third === undefined ? 0 : parseInteger(third, name)
      if (stable < 0) throw new OptionValueError(`Error: '${name}' stable time must not be negative.`)
      return { base, cap, stable }
    },
  }
}

/** A number that is raised to the least one, and a warning says so. */
export function atLeast(minimum: number, warning: string, range: Parameters<typeof integer>[0] = {}): Value<number> {
  const value = integer(range)
  return {
    syntax: `integer ≥ ${minimum}`,
    parse(rest, name, previous, warn) {
      const number = value.parse(rest, name, previous, warn)
      if (number >= minimum) return number
      warn(warning)
      return minimum
    },
  }
}

export function tcpKeepAlive(): Value<TcpKeepAlive> {
  return {
    syntax: '<idle> <interval> <count>',
    parse(rest, name) {
      const words = rest.split(' ').filter(word => word !== '')
      if (words.length === 0) throw emptyValue(name)
      const [idle, interval, count] = words.slice(0, 3).map(word => parseInteger(word, name))
      if (idle === undefined || interval === undefined || count === undefined || Math.min(idle, interval, count) < 1) {
        throw new OptionValueError(`Error: '${name}' needs three numbers above 0: idle, interval and count.`)
      }
      if (Math.max(idle, interval) > mostKeepAliveSeconds || count > mostProbes) {
        throw new OptionValueError(
          `Error: '${name}' takes at most ${mostKeepAliveSeconds} seconds and ${mostProbes} probes.`,
        )
      }
      return { idle, interval, count }
    },
  }
}

/** Seconds; 4294967295, which Mosquitto's manual promises and Mosquitto does not read, is for ever. */
export function sessionExpiry(): Value<number> {
  const value = integer({
    minimum: 0,
    refusal: () => 'Error: bridge_session_expiry_interval must not be negative.',
  })
  return {
    syntax: 'integer ≥ 0 | 4294967295',
    parse(rest, name, previous, warn) {
      const isForEver = firstToken(rest, name) === String(neverExpiresInterval)
      return isForEver ? neverExpiresInterval : value.parse(rest, name, previous, warn)
    },
  }
}
