// The cases of `config/*.txt`: read, run and written.

import { ConfigError } from '../../src/config/config-error.ts'
import type { ConfigFiles } from '../../src/config/config-files.ts'
import { type Config, options } from '../../src/server/options.ts'
import { parseConfig } from '../../src/server/parse-config.ts'

export interface ConfigCase {
  readonly sentence: string
  /** Their texts by name; the first is the main file. */
  readonly files: ReadonlyMap<string, string>
  readonly outcome: string
}

export function readCases(text: string): ConfigCase[] {
  return text
    .split(/^=== /m)
    .slice(1)
    .map(part => {
      const newline = part.indexOf('\n')
      const [input = '', outcome = ''] = part.slice(newline + 1).split(/^----\n/m)
      return { sentence: part.slice(0, newline), files: readFiles(input), outcome: outcome.replace(/\n+$/, '\n') }
    })
}

export function writeCases(cases: readonly ConfigCase[]): string {
  return cases.map(({ sentence, files, outcome }) => `=== ${sentence}\n${showFiles(files)}----\n${outcome}`).join('\n')
}

/** The lines of a refusal, or the messages and every setting that is not the default. */
export function outcomeOf(files: ReadonlyMap<string, string>): string {
  try {
    return `${show(parseConfig('mosquitto.conf', { files: inMemory(files) })).join('\n')}\n`
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return `${error.lines.join('\n')}\n`
  }
}

// `<TAB>` and `<BAD>` stand for what cannot be seen in a text: a tab, and a byte that is no UTF-8.
export function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll('<TAB>', '\t').replaceAll('<BAD>', '\xff').replaceAll('<CR>', '\r'), 'latin1')
}

function inMemory(files: ReadonlyMap<string, string>): ConfigFiles {
  const inside = (path: string) => [...files.keys()].filter(name => name.startsWith(`${path}/`))
  return {
    read: path => {
      const text = files.get(path)
      if (text !== undefined) return bytesOf(text)
      return inside(path).length > 0 ? 'directory' : 'unreadable'
    },
    list: path => (inside(path).length === 0 ? undefined : inside(path).map(name => name.slice(path.length + 1))),
  }
}

function readFiles(input: string): ReadonlyMap<string, string> {
  const [main = '', ...others] = input.split(/^@@ /m)
  const named = others.map(part => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)] as const)
  return new Map([['mosquitto.conf', main], ...named])
}

function showFiles(files: ReadonlyMap<string, string>): string {
  return [...files].map(([name, text], index) => (index === 0 ? text : `@@ ${name}\n${text}`)).join('')
}

function show({ messages, global, listeners }: Config): string[] {
  return [
    ...messages.map(({ type, line }) => `${type}: ${line}`),
    ...changed(global),
    ...listeners.flatMap(listener => [
      `listener ${[listener.port, listener.path, listener.address].filter(part => part !== undefined).join(' ')}`,
      ...changed(listener).map(line => `  ${line}`),
    ]),
  ]
}

function changed(settings: object): string[] {
  const defaults = new Map<string, unknown>(Object.entries(options).map(([key, option]) => [key, option.default]))
  return Object.entries(settings)
    .filter(([key, value]) => defaults.has(key) && !place.has(key) && !isSame(value, defaults.get(key)))
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
}

const place = new Set(['port', 'address', 'path'])

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
