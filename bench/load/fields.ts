// Reads the fields of a JSON object one by one, within limits; one that nobody asked for is an error.

import { escapeText } from '../../src/base/escape.ts'
import { LoadError } from './load-error.ts'

const shownCharacters = 60

/** A JSON object that is being read. Values are never shown when they may be secret: see {@link optionalText}. */
export class Fields {
  readonly #left: Map<string, unknown>
  readonly #title: string

  private constructor(entries: readonly [string, unknown][], title: string) {
    this.#left = new Map(entries)
    this.#title = title
  }

  /** @throws LoadError when `value` is not an object; `title` is what errors call it */
  static of(value: unknown, title: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new LoadError('ERR_LOAD_REQUEST', `'${title}' is ${shown(value)}; expected an object`)
    }
    return new Fields(Object.entries(value), title)
  }

  /** The raw value; undefined when it is absent. Each field can be taken once. */
  take(name: string): unknown {
    const value = this.#left.get(name)
    this.#left.delete(name)
    return value
  }

  /** @throws LoadError when a field is left that nobody took */
  end(): void {
    const [unknown] = this.#left.keys()
    if (unknown !== undefined) {
      throw new LoadError('ERR_LOAD_REQUEST', `'${this.#title}' has an unknown field ${shown(unknown)}`)
    }
  }

  text(name: string, fallback?: string): string {
    const value = this.take(name) ?? fallback
    if (typeof value !== 'string' || value === '') throw this.#wrong(name, value, 'a text')
    return value
  }

  /** For spreading: the field itself, or nothing. Its value is in no error, it may be a password. */
  optionalText<Name extends string>(name: Name): { readonly [name in Name]?: string } {
    const value = this.take(name)
    if (value === undefined) return {}
    if (typeof value !== 'string') {
      throw new LoadError('ERR_LOAD_REQUEST', `'${this.#title}.${name}' has a wrong type; expected a text`)
    }
    return { [name]: value } as { readonly [name in Name]?: string }
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.take(name) ?? fallback
    if (typeof value !== 'boolean') throw this.#wrong(name, value, 'true or false')
    return value
  }

  integer(name: string, from: number, to: number, fallback?: number): number {
    const value = this.take(name) ?? fallback
    if (!Number.isInteger(value)) throw this.#wrong(name, value, `a whole number from ${from} to ${to}`)
    return this.#within(name, value as number, from, to)
  }

  number(name: string, from: number, to: number, fallback?: number): number {
    const value = this.take(name) ?? fallback
    if (typeof value !== 'number') throw this.#wrong(name, value, `a number from ${from} to ${to}`)
    return this.#within(name, value, from, to)
  }

  integers(name: string, from: number, to: number): readonly number[] {
    const value = this.take(name)
    if (!Array.isArray(value) || !value.every(item => Number.isInteger(item))) {
      throw this.#wrong(name, value, 'a list of whole numbers')
    }
    return value.map(item => this.#within(name, item as number, from, to))
  }

  /** Absent counts as undefined, which may be among `choices`. */
  oneOf<const Choice extends string | number | undefined>(name: string, choices: readonly Choice[]): Choice {
    const value = this.take(name)
    const found = choices.find(choice => choice === value)
    if (found === undefined && (value !== undefined || !choices.includes(undefined as Choice))) {
      throw this.#wrong(name, value, choices.filter(choice => choice !== undefined).join(', '))
    }
    return found as Choice
  }

  #within(name: string, value: number, from: number, to: number): number {
    if (value < from || value > to) throw this.#wrong(name, value, `${from} to ${to}`)
    return value
  }

  #wrong(name: string, value: unknown, expected: string): LoadError {
    const what = value === undefined ? 'missing' : shown(value)
    return new LoadError('ERR_LOAD_REQUEST', `'${this.#title}.${name}' is ${what}; expected ${expected}`)
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
  return `'${escapeText(text, shownCharacters)}'`
}
