// Options as an object, written as the lines of a mosquitto.conf. Each line knows which option it is, for whoever has to say that
// it is wrong.

import { escapeText } from '../base/escape.ts'
import { nearestName } from '../config/nearest-name.ts'
import type { AnyOption } from '../config/option.ts'
import { options } from '../server/options.ts'
import { OptionsError } from './errors.ts'
import { brokerScopes, listenerScopes } from './options.ts'

export interface ConfLine {
  readonly text: string
  /** For people: `option 'max_qos' of listener 1`. */
  readonly place: string
}

type Values = Readonly<Record<string, unknown>>

/** What a port of 0 is written as: in the file it stands for a unix socket. */
const anyPort = 65_535

/** @param values by the names of options that are of the whole broker, or hold for all listeners */
export function brokerLines(values: Values): { readonly global: readonly ConfLine[]; readonly security: Values } {
  const entries = Object.entries(values)
  for (const [name] of entries) checkName(name, brokerScopes, '')
  const isSecurity = (name: string) => options[name as keyof typeof options].scope === 'security'
  const global = entries.filter(([name]) => !isSecurity(name)).flatMap(([name, value]) => linesOf(name, value, ''))
  return {
    // So that what one listener says of security is said of no other.
    global: [{ text: 'per_listener_settings true', place: '' }, ...global],
    security: Object.fromEntries(entries.filter(([name]) => isSecurity(name))),
  }
}

/**
 * @param where for people: ` of listener 1`
 * @param security what holds where the listener says nothing else
 */
export function listenerLines(values: Values, where: string, security: Values): readonly ConfLine[] {
  const { port, address, path, ...others } = values
  for (const name of Object.keys(others)) checkName(name, listenerScopes, where)
  const head = { text: `listener ${addressText(port, address, path, where)}`, place: `the address${where}` }
  const inherited = Object.entries(security).filter(([name]) => others[name] === undefined)
  return [
    head,
    ...inherited.flatMap(([name, value]) => linesOf(name, value, '')),
    ...Object.entries(others).flatMap(([name, value]) => linesOf(name, value, where)),
  ]
}

function addressText(port: unknown, address: unknown, path: unknown, where: string): string {
  if (path !== undefined) return `0 ${word(path, `path${where}`)}`
  if (!Number.isInteger(port) || (port as number) < 0 || (port as number) > 65_535) {
    throw new OptionsError([`port${where} is no number from 0 to 65535`])
  }
  return `${port === 0 ? anyPort : port}${address === undefined ? '' : ` ${word(address, `address${where}`)}`}`
}

function word(value: unknown, what: string): string {
  if (typeof value === 'string' && /^[^\s#\p{Cc}][^\s\p{Cc}]*$/u.test(value)) return value
  throw new OptionsError([`${what} is no text without blanks`])
}

function checkName(name: string, scopes: readonly string[], where: string): void {
  const known = Object.entries<AnyOption>(options).flatMap(([key, { scope, opens }]) =>
    scopes.includes(scope) && opens === undefined ? [key] : [],
  )
  if (known.includes(name) && !ofPrograms.includes(name)) return
  const what = `option '${escapeText(name)}'${where}`
  if (ofPrograms.includes(name)) throw new OptionsError([`${what} is for a broker that is a program of its own`])
  if (Object.hasOwn(options, name)) throw new OptionsError([`${what} cannot stand here: see docs/library.md`])
  const nearest = nearestName(name, known)
  throw new OptionsError([`${what} is not known${nearest === undefined ? '' : `, did you mean '${nearest}'?`}`])
}

const ofPrograms: readonly string[] = ['user', 'pid_file']

function linesOf(name: string, value: unknown, where: string): readonly ConfLine[] {
  const place = `option '${name}'${where}`
  if (value === undefined) return []
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.map(one => ({ text: `${name} ${valueText(one, place)}`, place }))
}

/** A line break would begin another option. */
function valueText(value: unknown, place: string): string {
  if (typeof value === 'boolean' || Number.isInteger(value)) return String(value)
  if (typeof value === 'string' && !/[\n\r\0]/.test(value)) return value
  throw new OptionsError([`${place} is neither a number, a boolean nor a text of one line`])
}
