// Values of broker options that are more than a number, a word or a text.

import { escapeText } from '../base/escape.ts'
import { emptyValue, firstToken, integer, OptionValueError, text, type Value } from '../config/value.ts'

type AcceptedVersion = 3 | 4 | 5

/** `accept_protocol_versions`: 3, 4 and 5 between commas and blanks; other words are passed over, as Mosquitto does. */
export function protocolVersions(): Value<readonly AcceptedVersion[]> {
  return {
    syntax: 'any of 3, 4, 5',
    parse(rest, name) {
      const tokens = rest.split(/[, \t]+/).filter(token => token !== '')
      if (tokens.length === 0) throw emptyValue(name)
      const versions: readonly AcceptedVersion[] = [3, 4, 5]
      return versions.filter(version => tokens.includes(String(version)))
    },
  }
}

/** Below MQTT's 268,435,455 by what forwarding may add: mount point, subscription identifiers, expiry. */
const largestForwardable = 268_000_000

/** `max_packet_size`: what Mosquitto takes for "as large as MQTT allows" is as large as can be forwarded, and says so. */
export function packetSize(): Value<number> {
  const bytes = integer({ minimum: 20, refusal: (_, name) => `Error: '${name}' must be >= 20.` })
  return {
    syntax: bytes.syntax,
    parse(rest, name, previous, warn) {
      const size = bytes.parse(rest, name, previous, warn)
      if (size <= largestForwardable) return size
      warn(`Warning: ${name} ${size} is taken as ${largestForwardable}: larger packets cannot be forwarded.`)
      return largestForwardable
    },
  }
}

/** Bytes of something large: beyond the 2 GiB at which Mosquitto's integers end. */
export function byteCount(): Value<number> {
  return {
    syntax: 'bytes ≥ 0',
    parse(rest, name) {
      const token = firstToken(rest, name)
      if (!/^-?[0-9]+$/.test(token)) throw new OptionValueError(`Error: '${name}' value not a number.`)
      const bytes = Number(token)
      if (bytes < 0) throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
      if (!Number.isSafeInteger(bytes)) throw new OptionValueError(`Error: '${name}' value out of range.`)
      return bytes
    },
  }
}

const secondsPer = new Map([
  ['s', 1],
  ['h', 3600],
  ['d', 86_400],
  ['w', 7 * 86_400],
  ['m', 30 * 86_400],
  ['y', 365 * 86_400],
])

/** `persistent_client_expiration`: a number with a unit, read as seconds. */
export function clientExpiration(): Value<number> {
  return {
    syntax: '<integer><s | h | d | w | m | y>',
    parse(rest, name) {
      const token = firstToken(rest, name)
      const count = /^[+]?([0-9]+)[shdwmy]$/.exec(token)
      const unit = secondsPer.get(token.slice(-1))
      const seconds = count === null || unit === undefined ? 0 : Number(count[1]) * unit
      if (seconds <= 0 || !Number.isSafeInteger(seconds)) {
        throw new OptionValueError(`Error: Invalid '${name}' duration in configuration.`)
      }
      return seconds
    },
  }
}

/** `retain_expiry_interval`: minutes, capped where Mosquitto caps them. */
export function retainExpiry(): Value<number> {
  const minutes = integer({ minimum: 1, refusal: (_, name) => `Error: ${name} must be >= 1.` })
  return {
    syntax: 'integer ≥ 1; above 10000000 = 10000000',
    parse(rest, name, previous, warn) {
      const value = minutes.parse(rest, name, previous, warn)
      if (value > 10_000_000) warn(`Warning: ${name} being capped at 19 years.`)
      return Math.min(value, 10_000_000)
    },
  }
}

/** `max_inflight_messages`: 0, 65535 and anything negative mean no limit, which is 0. */
export function inflightMessages(): Value<number> {
  const count = integer({ maximum: 65_535, negative: 0, refusal: (_, name) => `Error: '${name}' must be <= 65535.` })
  return {
    syntax: 'integer ≤ 65535; below 0 and 65535 = 0',
    parse(rest, name, previous, warn) {
      const value = count.parse(rest, name, previous, warn)
      return value === 65_535 ? 0 : value
    },
  }
}

/** `mount_point`: the beginning of a topic name, so without wildcards. */
export function mountPoint(): Value<string> {
  return text({
    syntax: '<topic prefix>',
    replace: true,
    refuse: value =>
      /[+#]/.test(value)
        ? `Error: Invalid 'mount_point' value (${escapeText(value)}). Does it contain a wildcard character?`
        : undefined,
  })
}
