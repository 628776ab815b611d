// Plugins as mosquitto.conf names them: each with the options of the lines that follow it.

import { escapeText } from '../base/escape.ts'
import { firstToken, OptionValueError, path, type Value } from './value.ts'

export class Plugin {
  readonly path: string
  /** What `plugin_load` calls it; undefined for one that is named by its path. */
  readonly name: string | undefined
  /** By what follows `plugin_opt_`. */
  readonly options = new Map<string, unknown>()

  constructor(path: string, name?: string) {
    this.path = path
    this.name = name
  }

  /** For showing. */
  toJSON(): object {
    return { name: this.name, path: this.path, ...Object.fromEntries(this.options) }
  }

  /** The file's name, whatever its directory. */
  get baseName(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1)
  }

  /** What a `plugin_opt_` line says; the last one counts. */
  option(name: string): string | undefined {
    const value = this.options.get(name)
    return typeof value === 'string' ? value : undefined
  }
}

export function isPlugin(value: unknown): value is Plugin {
  return value instanceof Plugin
}

const one = path({ replace: true })

/** One plugin a line, in the order of the lines. */
export function plugins(): Value<readonly Plugin[]> {
  return {
    syntax: one.syntax,
    parse: (text, name, previous, warn) => [...(previous ?? []), new Plugin(one.parse(text, name, undefined, warn))],
  }
}

/** `plugin_load <name> <path>`: one a line, each name once. */
export function loadedPlugins(): Value<readonly Plugin[]> {
  return {
    syntax: `<name> ${one.syntax}`,
    parse(text, option, previous = [], warn) {
      const name = firstToken(text, option)
      if (previous.some(plugin => plugin.name === name)) {
        throw new OptionValueError(`Error: Duplicate plugin name '${escapeText(name)}'.`)
      }
      const rest = text.slice(text.indexOf(name) + name.length)
      return [...previous, new Plugin(one.parse(rest, option, undefined, warn), name)]
    },
  }
}

/** `plugin_use <name>`: what an earlier `plugin_load` has named; the lines that follow are about that plugin. */
export function usedPlugins(): Value<readonly Plugin[]> {
  return {
    syntax: '<name>',
    parse(text, option, previous = [], _warn, loaded = []) {
      const name = firstToken(text, option)
      const plugin = loaded.find(known => isPlugin(known) && known.name === name)
      if (!isPlugin(plugin)) {
        throw new OptionValueError(`Error: Plugin '${escapeText(name)}' not previously loaded.`)
      }
      return [...previous, plugin]
    },
  }
}
