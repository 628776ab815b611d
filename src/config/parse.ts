// Reads mosquitto.conf line by line into a draft: names, scopes, order and values as Mosquitto 2.1 takes them.

import { escapeText } from '../base/escape.ts'
import { BridgeLines } from './bridge-lines.ts'
import { type ConfigProblem, type Location, placeOf } from './config-error.ts'
import { type ConfigFiles, maximumConfigBytes } from './config-files.ts'
import { type Draft, type DraftListener, emptyDraft } from './draft.ts'
import { type Line, readLines } from './lines.ts'
import { nearestName } from './nearest-name.ts'
import type { AnyOption, OptionTable } from './option.ts'
import { isPlugin } from './plugin.ts'
import { OptionValueError } from './value.ts'

/** Most faults of each kind that are reported at once. */
export const maximumProblems = 20

/** What `listener` and its kin refer to: it ends with its file. */
interface FileState {
  readonly file: string
  /** The `include_dir` line that brought the file in; empty for the main file. */
  readonly includedFrom: readonly Location[]
  line: number
  listener: DraftListener | undefined
  /** The options of the bridge above; undefined before the first. */
  bridge: Map<string, unknown> | undefined
  /** The options of the plugin above; undefined before the first. */
  plugin: Map<string, unknown> | undefined
}

interface Known {
  readonly key: string
  readonly option: AnyOption
}

/** Reads a file and those it includes; faults are gathered in the draft. */
export function parseFile(table: OptionTable, file: string, files: ConfigFiles): Draft {
  const parser = new ConfigParser(table, files)
  parser.readFile(file, [])
  return parser.draft
}

class ConfigParser {
  readonly draft = emptyDraft()
  readonly #names = new Map<string, Known>()
  readonly #files: ConfigFiles
  #defaultListener: DraftListener | undefined
  #portWasSet = false
  #securityWasSet = false
  /** The unsupported options that were reported, by the values they would have gone into. */
  readonly #reported = new WeakMap<Map<string, unknown>, Set<string>>()

  constructor(table: OptionTable, files: ConfigFiles) {
    this.#files = files
    for (const [key, option] of Object.entries(table)) {
      for (const name of [key, ...(option.aliases ?? [])]) this.#names.set(name, { key, option })
    }
  }

  readFile(file: string, includedFrom: readonly Location[]): void {
    const bytes = this.#files.read(file)
    if (!(bytes instanceof Uint8Array)) {
      this.#refuse({ message: unreadable[bytes](escapeText(file)), locations: includedFrom })
      return
    }
    this.draft.sources.push(file)
    const state: FileState = { file, includedFrom, line: 0, listener: undefined, bridge: undefined, plugin: undefined }
    for (const line of readLines(bytes)) {
      if (this.#countProblems('mosquitto') === maximumProblems) return
      state.line = line.number
      this.#readLine(line, state)
    }
  }

  #readLine(line: Line, state: FileState): void {
    try {
      const known = this.#names.get(line.name) ?? this.#pluginOption(line)
      if (known === undefined) this.#refuseUnknown(line, state)
      else if (known.option.scope === 'directive') this.#steer(known.key, line, state)
      else this.#set(known, line, state)
    } catch (error) {
      if (!(error instanceof OptionValueError)) throw error
      this.#refuse({ message: error.message, locations: locate(state) })
    }
  }

  #set({ key, option }: Known, line: Line, state: FileState): void {
    if (option.scope === 'ignored') {
      this.#warn(option.warning ?? '')
      return
    }
    const values = this.#valuesFor(option, line.name, state)
    this.#remark(option, line.name)
    if (option.opens === 'plugin') state.plugin = new Map()
    const name =
      option.scope === 'plugin' && line.name !== key ? line.name.replace(/^(plugin|auth)_opt_/, '') : line.name
    const place = option.scope === 'plugin' ? name : key
    const warn = (warning: string) => this.#warn(warning)
    const value = option.value.parse(line.rest, name, values.get(place), warn, this.#named(option))
    values.set(place, value)
    if (option.opens === 'plugin') state.plugin = optionsOfLast(value) ?? state.plugin
    if (option.opens === 'bridge') state.bridge = optionsOfLast(value)
    this.#refuseUnsupported(key, option, value, values, state)
  }

  #named({ names }: AnyOption): readonly unknown[] {
    const defined: unknown = names === undefined ? undefined : this.draft.globals.get(names)
    return Array.isArray(defined) ? defined : []
  }

  // Throws when the parent that the option needs is missing.
  #valuesFor(option: AnyOption, name: string, state: FileState): Map<string, unknown> {
    switch (option.scope) {
      case 'security':
        if (this.draft.perListenerSettings && state.listener === undefined) throw needsListener(name)
        this.#securityWasSet = true
        return this.draft.perListenerSettings ? this.#listenerOrDefault(name, state).values : this.draft.globals
      case 'listener':
        return this.#listenerOrDefault(name, state).values
      case 'listener-only':
        if (state.listener === undefined) throw needsListener(name)
        return state.listener.values
      case 'named-listener':
        if (state.listener === undefined || state.listener === this.#defaultListener) throw needsListener(name)
        return state.listener.values
      case 'bridge':
        if (state.bridge === undefined) throw needsBridge(name)
        return state.bridge
      case 'plugin':
        if (state.plugin === undefined) throw needsPlugin(option, name)
        return state.plugin
      default:
        return this.draft.globals
    }
  }

  #steer(key: string, line: Line, state: FileState): void {
    const option = this.#names.get(key)?.option as AnyOption
    this.#remark(option, line.name)
    if (key === 'listener') this.#beginListener(option, line, state)
    else if (key === 'include_dir') this.#includeDirectory(option, line, state)
    else if (key === 'per_listener_settings') this.#setPerListener(option, line)
    else if (key === 'port') this.#setPort(option, line, state)
    else this.#setBindAddress(option, line, state)
  }

  // `listener <port> [<address> | <socket path>] [# comment]`
  #beginListener(option: AnyOption, line: Line, state: FileState): void {
    const listener: DraftListener = {
      port: 0,
      address: undefined,
      path: undefined,
      origin: originOf(state),
      values: new Map(),
    }
    this.draft.listeners.push(listener)
    state.listener = listener
    const port = option.value.parse(line.rest, 'listener port', undefined, () => {}) as number
    const second = line.rest.split(' ').filter(word => word !== '')[1]
    const place = second?.startsWith('#') ? undefined : second
    if (port === 0 && place === undefined) {
      throw new OptionValueError('Error: A listener with port 0 must provide a Unix socket path.')
    }
    listener.port = port
    if (port === 0) listener.path = place
    else listener.address = place
  }

  #setPort(option: AnyOption, line: Line, state: FileState): void {
    const listener = this.#useDefaultListener(line.name, state)
    if (this.#portWasSet) {
      this.#warn('Warning: Default listener port specified multiple times. Only the latest will be used.')
    }
    this.#portWasSet = true
    listener.port = option.value.parse(line.rest, line.name, undefined, () => {}) as number
  }

  #setBindAddress(option: AnyOption, line: Line, state: FileState): void {
    const listener = this.#useDefaultListener(line.name, state)
    listener.address = option.value.parse(line.rest, line.name, listener.address, () => {}) as string
  }

  // Once true it stays so, and the value of a later line is not read.
  #setPerListener(option: AnyOption, line: Line): void {
    if (this.draft.perListenerSettings) return
    const value = option.value.parse(line.rest, line.name, undefined, () => {}) as boolean
    if (value && this.#securityWasSet) {
      throw new OptionValueError('Error: per_listener_settings must be set before any other security settings.')
    }
    this.draft.perListenerSettings = value
  }

  #includeDirectory(option: AnyOption, line: Line, state: FileState): void {
    if (state.includedFrom.length > 0) {
      throw new OptionValueError('Error: The include_dir option is only valid in the main configuration file.')
    }
    const directory = option.value.parse(line.rest, line.name, undefined, () => {}) as string
    const names = this.#files.list(directory)
    if (names === undefined) {
      throw new OptionValueError(`Error: Unable to open include_dir '${escapeText(directory)}'.`)
    }
    for (const name of names.filter(isConfigName).sort(compareNames)) {
      const file = `${directory}/${name}`
      this.draft.messages.push({ type: 'information', line: `Loading config file '${escapeText(file)}'` })
      this.readFile(file, locate(state))
    }
  }

  #listenerOrDefault(name: string, state: FileState): DraftListener {
    return state.listener ?? this.#useDefaultListener(name, state)
  }

  #useDefaultListener(name: string, state: FileState): DraftListener {
    if (this.#defaultListener === undefined) {
      this.#defaultListener = {
        port: 1883,
        address: undefined,
        path: undefined,
        origin: originOf(state),
        values: new Map(),
      }
      this.draft.listeners.push(this.#defaultListener)
      this.#inform(`Creating default listener due to '${name}' option.`)
      this.#inform(
        `It is best practice to define a 'listener' first. Using the '${name}' option without a listener will be disabled in the future.`,
      )
    }
    state.listener = this.#defaultListener
    return this.#defaultListener
  }

  #pluginOption(line: Line): Known | undefined {
    const match = /^(?:plugin|auth)_opt_(.*)$/s.exec(line.name)
    if (match === null) return undefined
    if ((match[1] as string).length < 3) throw new OptionValueError("Error: Invalid 'plugin_opt_' config option.")
    return this.#names.get('plugin_opt_*')
  }

  #remark(option: AnyOption, name: string): void {
    if (option.deprecated !== undefined) {
      this.#notice(`The '${name}' option is now deprecated and will be removed in version 3.0. ${option.deprecated}`)
    } else if (option.overriddenBy !== undefined && this.draft.perListenerSettings) {
      this.#notice(
        `You are using the '${name}' option with 'per_listener_settings true'. Please replace this with '${option.overriddenBy}'.`,
      )
    }
    if (option.notice !== undefined) this.#notice(option.notice)
  }

  // Reported once for the broker or listener that it belongs to, however many lines name it.
  #refuseUnsupported(
    key: string,
    option: AnyOption,
    value: unknown,
    values: Map<string, unknown>,
    state: FileState,
  ): void {
    const { unsupported } = option
    if (unsupported === undefined || unsupported.accepts?.(value as never) === true) return
    const reported = this.#reported.get(values) ?? new Set()
    if (reported.has(key)) return
    this.#reported.set(values, reported.add(key))
    this.#refuse({
      refusedBy: 'castellan',
      message: `Error: This '${key}' is refused by Castellan; ${adviceOn(unsupported, value)}.`,
      locations: locate(state),
    })
  }

  #refuseUnknown(line: Line, state: FileState): void {
    this.#refuse({
      message: `Error: Unknown configuration variable '${escapeText(line.name)}'.`,
      locations: locate(state),
      hint: this.#hintFor(line.name),
    })
  }

  #hintFor(name: string): string | undefined {
    if (name.startsWith('#')) return "A comment begins with '#' in the first column."
    if (name.includes('\t')) return 'An option and its value are separated by a space, not by a tab.'
    const nearest = nearestName(name, this.#names.keys())
    return nearest === undefined ? undefined : `Did you mean '${nearest}'?`
  }

  #refuse(fault: Omit<ConfigProblem, 'refusedBy'> & Partial<ConfigProblem>): void {
    const problem: ConfigProblem = { refusedBy: 'mosquitto', ...fault }
    if (this.#countProblems(problem.refusedBy) < maximumProblems) this.draft.problems.push(problem)
  }

  #countProblems(refusedBy: ConfigProblem['refusedBy']): number {
    return this.draft.problems.reduce((count, problem) => count + Number(problem.refusedBy === refusedBy), 0)
  }

  #warn(line: string): void {
    this.draft.messages.push({ type: 'warning', line })
  }

  #notice(line: string): void {
    this.draft.messages.push({ type: 'notice', line })
  }

  #inform(line: string): void {
    this.draft.messages.push({ type: 'information', line })
  }
}

const unreadable = {
  directory: (file: string) => `Error: Config file '${file}' is a directory.`,
  'too-large': (file: string) => `Error: Config file '${file}' is larger than ${maximumConfigBytes} bytes.`,
  unreadable: (file: string) => `Error: Unable to open config file '${file}'.`,
}

function locate(state: FileState): readonly Location[] {
  return [{ file: state.file, line: state.line }, ...state.includedFrom]
}

function adviceOn({ advice }: NonNullable<AnyOption['unsupported']>, value: unknown): string {
  return typeof advice === 'string' ? advice : advice(value as never)
}

/** Where the lines after a plugin's or a bridge's go; undefined for a plugin that is not kept. */
function optionsOfLast(value: unknown): Map<string, unknown> | undefined {
  const last: unknown = Array.isArray(value) ? value.at(-1) : undefined
  return isPlugin(last) || last instanceof BridgeLines ? last.options : undefined
}

function originOf(state: FileState): string {
  return placeOf(state)
}

function needsListener(name: string): OptionValueError {
  return new OptionValueError(`Error: The '${name}' option requires a listener to be defined first.`)
}

function needsBridge(name: string): OptionValueError {
  return new OptionValueError(`Error: The '${name}' option requires a bridge to be defined first.`)
}

function needsPlugin(option: AnyOption, name: string): OptionValueError {
  const usual = `Error: The '${name}' option requires plugin/global_plugin/plugin_load to be defined first.`
  return new OptionValueError(option.orphan ?? usual)
}

function isConfigName(name: string): boolean {
  return name.length > 5 && name.endsWith('.conf')
}

// Alphabetical without regard to case; of two names that differ in case only, the upper case one is first.
function compareNames(a: string, b: string): number {
  return compareCodes(a.toLowerCase(), b.toLowerCase()) || compareCodes(a, b)
}

function compareCodes(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
