// Plugins as mosquitto.conf names them: each with the options of the lines that follow it.

import { path, type Value } from './value.ts'

export class Plugin {
  readonly path: string
  /** By what follows `plugin_opt_`. */
  readonly options = new Map<string, unknown>()

  constructor(path: string) {
    this.path = path
  }

  /** For showing. */
  toJSON(): object {
    return { path: this.path, ...Object.fromEntries(this.options) }
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

/** One plugin a line, in the order of the lines. */
export function plugins(): Value<readonly Plugin[]> {
  const one = path({ replace: true })
  return {
    syntax: one.syntax,
    parse: (text, name, previous, warn) => [...(previous ?? []), new Plugin(one.parse(text, name, undefined, warn))],
  }
}
