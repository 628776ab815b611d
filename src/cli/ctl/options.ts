// The options of `castellan ctl`, which stand before the module: a table, for the command line and for the options file.

import { escapeText } from '../../base/escape.ts'
import { CtlUsageError, oldCodes } from './error.ts'

/** What was given, by the name that the option has here; undefined where it was not. */
export interface CtlOptions {
  address?: string
  cleanSessionOff?: true
  dynsecFile?: string
  host?: string
  id?: string
  url?: string
  /** `-o json`. */
  json?: true
  optionsFile?: string
  port?: string
  password?: string
  passwordFile?: string
  passwordEnv?: string
  qos?: string
  quiet?: true
  username?: string
  unix?: string
  version?: string
  cafile?: string
  capath?: string
  cert?: string
  key?: string
  ciphers?: string
  insecure?: true
  alpn?: string
  osCertificates?: true
  tlsVersion?: string
  psk?: string
  pskIdentity?: string
  help?: true
  showVersion?: true
}

type Texts = { [K in keyof CtlOptions]-?: CtlOptions[K] extends string | undefined ? K : never }[keyof CtlOptions]
type Flags = Exclude<keyof CtlOptions, Texts>

/** What an option does: takes a value, or none, or is refused with a word. */
type Option =
  | { readonly text: Texts; readonly value: string }
  | { readonly flag: Flags }
  | { readonly nothing: true }
  | { readonly refused: string }

const table: Readonly<Record<string, Option>> = {
  '-A': { text: 'address', value: 'address' },
  '-c': { flag: 'cleanSessionOff' },
  '--disable-clean-session': { flag: 'cleanSessionOff' },
  // It prints nothing in mosquitto_ctrl either.
  '-d': { nothing: true },
  '--debug': { nothing: true },
  '-f': { text: 'dynsecFile', value: 'file' },
  '-h': { text: 'host', value: 'host' },
  '--host': { text: 'host', value: 'host' },
  '-i': { text: 'id', value: 'id' },
  '--id': { text: 'id', value: 'id' },
  '-L': { text: 'url', value: 'URL' },
  '--url': { text: 'url', value: 'URL' },
  '-o': { text: 'optionsFile', value: 'file' },
  '-p': { text: 'port', value: 'port' },
  '--port': { text: 'port', value: 'port' },
  '-P': { text: 'password', value: 'password' },
  '--pw': { text: 'password', value: 'password' },
  '--password-file': { text: 'passwordFile', value: 'file' },
  '--password-env': { text: 'passwordEnv', value: 'name' },
  '-q': { text: 'qos', value: 'QoS' },
  '--qos': { text: 'qos', value: 'QoS' },
  '--quiet': { flag: 'quiet' },
  '-u': { text: 'username', value: 'username' },
  '--username': { text: 'username', value: 'username' },
  '--unix': { text: 'unix', value: 'path' },
  '-V': { text: 'version', value: 'version' },
  '--protocol-version': { text: 'version', value: 'version' },
  '--cafile': { text: 'cafile', value: 'file' },
  '--capath': { text: 'capath', value: 'directory' },
  '--cert': { text: 'cert', value: 'file' },
  '--key': { text: 'key', value: 'file' },
  '--ciphers': { text: 'ciphers', value: 'ciphers' },
  '--insecure': { flag: 'insecure' },
  '--tls-alpn': { text: 'alpn', value: 'protocol' },
  '--tls-use-os-certs': { flag: 'osCertificates' },
  '--tls-version': { text: 'tlsVersion', value: 'version' },
  '--psk': { text: 'psk', value: 'key' },
  '--psk-identity': { text: 'pskIdentity', value: 'identity' },
  '--help': { flag: 'help' },
  '--version': { flag: 'showVersion' },
  '--keyform': { refused: 'keys are read from PEM files; give one with --key' },
  '--tls-engine': { refused: 'engines are not supported; give a key file with --key' },
  '--tls-engine-kpass-sha1': { refused: 'engines are not supported; give a key file with --key' },
  '--proxy': { refused: 'SOCKS proxies are not supported; go through a tunnel, with -h and -p for its end' },
}

/**
 * Reads options up to the first word that is none.
 *
 * @returns the words behind them: module, command and what it is given
 * @throws CtlUsageError
 */
export function readOptions(args: readonly string[], options: CtlOptions): readonly string[] {
  for (let index = 0; index < args.length; index++) {
    const name = args[index] as string
    if (!name.startsWith('-')) return args.slice(index)
    const takesValue = readOption(name, () => args[index + 1], options)
    if (takesValue) index++
  }
  return []
}

/**
 * Reads one option.
 *
 * @returns whether the value was taken
 * @throws CtlUsageError
 */
export function readOption(name: string, value: () => string | undefined, options: CtlOptions): boolean {
  const option = Object.hasOwn(table, name) ? table[name] : undefined
  if (option === undefined) throw new CtlUsageError(`Error: Unknown option '${shownName(name)}'.`)
  if ('refused' in option) throw new CtlUsageError(`Error: ${name}: ${option.refused}.`)
  if ('nothing' in option) return false
  if ('flag' in option) {
    options[option.flag] = true
    return false
  }
  const given = value()
  if (given === undefined) {
    throw new CtlUsageError(`Error: ${name} argument given but no ${option.value} specified.`)
  }
  if (option.text === 'optionsFile' && given === 'json') options.json = true
  else options[option.text] = given
  return true
}

/** `-Psecret` is no option, and nobody's to read. */
function shownName(name: string): string {
  return /^--[A-Za-z][\w-]{0,40}$|^-.$/.test(name) ? name : `${escapeText(name.slice(0, 2))}…`
}

/**
 * Reads a file with one option a line, its value behind a blank; empty lines and such with `#` in front are passed over.
 *
 * @param path for messages, escaped
 * @throws CtlUsageError with the number of the line
 */
export function readOptionLines(text: string, path: string, options: CtlOptions): void {
  for (const [index, line] of text.split('\n').entries()) {
    const [, name, value] = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line) ?? []
    if (name === undefined || name.startsWith('#')) continue
    try {
      const takesValue = readOption(name, () => value || undefined, options)
      if (!takesValue && value) throw new CtlUsageError(`Error: ${name} takes no value.`)
    } catch (error) {
      if (!(error instanceof CtlUsageError)) throw error
      throw new CtlUsageError(`${error.message} (${path}, line ${index + 1})`, oldCodes.usage)
    }
  }
}
