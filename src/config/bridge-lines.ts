// Bridges as mosquitto.conf names them: each `connection` with the options of the lines that follow it.

import { escapeText } from '../base/escape.ts'
import { firstToken, OptionValueError, type Value } from './value.ts'

const secrets: ReadonlySet<string> = new Set(['remote_password', 'local_password', 'bridge_psk'])

export class BridgeLines {
  readonly name: string
  /** By option, those that a line has set. */
  readonly options = new Map<string, unknown>()

  constructor(name: string) {
    this.name = name
  }

  /** For showing, in the audit for example: without secrets. */
  toJSON(): object {
    const shown = [...this.options].map(([option, value]) => [option, secrets.has(option) ? '***' : value])
    return { name: this.name, ...Object.fromEntries(shown) }
  }
}

/** One bridge a line, each name once. */
export function bridgeNames(): Value<readonly BridgeLines[]> {
  return {
    syntax: '<name>',
    parse(rest, name, previous = []) {
      const bridge = firstToken(rest, name)
      if (previous.some(({ name: other }) => other === bridge)) {
        throw new OptionValueError(`Error: Duplicate bridge name '${escapeText(bridge)}'.`)
      }
      return [...previous, new BridgeLines(bridge)]
    },
  }
}
