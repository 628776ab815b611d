// The options of the listener for health and metrics.

import { isIPv6 } from 'node:net'
import { option, type Settings } from '../config/option.ts'
import { firstToken, integer, OptionValueError, type Value } from '../config/value.ts'

/** Where to listen. */
export interface HttpAddress {
  readonly port: number
  /** Host name or IP address. */
  readonly address: string
}

/** Nobody else is to read how busy the broker is, unless the configuration says so. */
const loopback = '127.0.0.1'

export const httpOptions = {
  health_max_lag: option({
    scope: 'global',
    value: integer({ minimum: 100, maximum: 3_600_000 }),
    default: 5000,
    reload: 'live',
    doc: 'Milliseconds that the event loop may be late in the last ten to twenty seconds; beyond, `/healthz` answers 503.',
    own: true,
  }),
  metrics_host: option({
    scope: 'global',
    value: hostNames(),
    default: [],
    reload: 'live',
    doc: 'A further name that the metrics listener is asked by, without a port; repeat it for several. It answers to `localhost` and to its own address anyway, and to no other name.',
    own: true,
  }),
  metrics_listener: option({
    scope: 'global',
    value: httpAddress(),
    default: undefined,
    reload: 'restart',
    doc: 'Where `/healthz`, `/readyz` and Prometheus `/metrics` are answered, in plain HTTP and to everybody; without an address on 127.0.0.1 alone, without this line nowhere.',
    own: true,
  }),
}

export type HttpSettings = Settings<typeof httpOptions, 'global'>

/** `<port> [<address>] [# comment]`, as in a `listener` line. */
export function httpAddress(): Value<HttpAddress> {
  const portNumber = integer({ minimum: 1, maximum: 65_535 })
  return {
    syntax: '<port> [<address>]',
    parse(text, name, previous, warn) {
      if (previous !== undefined) throw new OptionValueError(`Error: Duplicate '${name}' value in configuration.`)
      const port = portNumber.parse(text, name, undefined, warn)
      const second = text.split(' ').filter(word => word !== '')[1]
      return { port, address: second === undefined || second.startsWith('#') ? loopback : second }
    },
  }
}

/** Each line adds one name. */
function hostNames(): Value<readonly string[]> {
  return {
    syntax: '<name>',
    parse(text, name, previous = []) {
      const host = firstToken(text, name).toLowerCase()
      if (!/^[\w.-]{1,253}$/.test(host) && !isIPv6(host)) {
        throw new OptionValueError(`Error: Invalid '${name}' value; it is a host name or an address, without a port.`)
      }
      return previous.includes(host) ? previous : [...previous, host]
    },
  }
}
