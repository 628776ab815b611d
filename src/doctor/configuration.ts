// A mosquitto.conf as its lines stand: which of them belong to which listener, bridge or plugin, whatever a broker would say to
// it. Nothing is refused here, and an option that nobody knows is a line like any other.

import type { Location } from '../config/config-error.ts'
import type { ConfigFiles } from '../config/config-files.ts'
import { type Line, readLines } from '../config/lines.ts'
import type { AnyOption, OptionTable, Scope } from '../config/option.ts'

/** Lines of all files together; what is beyond is not looked at. */
export const mostLines = 100_000

export interface Setting extends Location {
  /** What the option is called today: aliases are resolved. */
  readonly key: string
  /** As it is written. */
  readonly name: string
  /** Blanks cut at both ends. */
  readonly value: string
}

/** The lines that belong together. */
export class Section {
  readonly settings: Setting[] = []

  all(key: string): readonly Setting[] {
    return this.settings.filter(setting => setting.key === key)
  }

  /** The line that counts. */
  last(key: string): Setting | undefined {
    return this.settings.findLast(setting => setting.key === key)
  }

  isOn(key: string): boolean {
    return isTrue(this.last(key))
  }
}

export class Listener extends Section {
  /** The line that begins it. */
  readonly place: Location
  /** The option that opens it where no line has asked for a listener. */
  readonly openedBy: string | undefined
  port = 1883
  /** undefined: every address of the machine. */
  address: string | undefined = undefined
  /** Of a unix socket. */
  path: string | undefined = undefined

  constructor(place: Location, openedBy?: string) {
    super()
    this.place = place
    this.openedBy = openedBy
  }

  /** For people: `listener 1883`, `listener 1883 127.0.0.1`. */
  get name(): string {
    return ['listener', this.port, this.address ?? this.path].filter(part => part !== undefined).join(' ')
  }

  get isLocal(): boolean {
    if (this.path !== undefined || this.last('bind_interface')?.value === 'lo') return true
    return this.address !== undefined && isLoopback(this.address)
  }

  get isTls(): boolean {
    return this.last('certfile') !== undefined && this.last('keyfile') !== undefined
  }

  /** Whether the TLS handshake proves who a client is, by certificate or key. */
  get provesClients(): boolean {
    return (this.isTls && this.isOn('require_certificate')) || this.last('psk_hint') !== undefined
  }

  /** Whether the certificate or key says the user name. */
  get namesClients(): boolean {
    return nameOptions.some(key => this.isOn(key)) || this.last('certificate_username') !== undefined
  }

  get protocol(): string {
    return firstWord(this.last('protocol')) ?? 'mqtt'
  }
}

export class PluginLines extends Section {
  readonly place: Location
  readonly path: string
  /** What `plugin_load` calls it; undefined for one that is named by its path. */
  readonly name: string | undefined
  /** Whether it holds for any listener: one that is loaded does where `plugin_use` names it. */
  isUsed: boolean

  constructor(setting: Setting) {
    super()
    this.place = setting
    this.isUsed = setting.key !== 'plugin_load'
    // `plugin_load NAME PATH`.
    this.name = this.isUsed ? undefined : firstWord(setting)
    this.path = this.isUsed ? setting.value : setting.value.replace(/^\S+ +/, '')
  }

  get baseName(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1)
  }
}

export class BridgeLines extends Section {
  readonly place: Setting

  constructor(place: Setting) {
    super()
    this.place = place
  }
}

export class Configuration {
  readonly file: string
  readonly globals = new Section()
  readonly listeners: Listener[] = []
  readonly bridges: BridgeLines[] = []
  readonly plugins: PluginLines[] = []
  /** Every line, in order. */
  readonly settings: Setting[] = []
  /** Lines below a listener that hold for all of them, as `per_listener_settings` is not on. */
  readonly belowListeners: Setting[] = []
  readonly isPerListener: boolean
  /** Whether a line has an option that Mosquitto does not know. */
  hasOwnOptions = false
  /** Whether a line has an option that anybody knows. */
  hasKnownOptions = false

  constructor(file: string, isPerListener: boolean) {
    this.file = file
    this.isPerListener = isPerListener
  }

  /** What holds for a listener of an option that is its own only with `per_listener_settings true`. */
  security(listener: Listener, key: string): Setting | undefined {
    return (this.isPerListener ? listener : this.globals).last(key)
  }

  allowsAnonymous(listener: Listener): boolean {
    return isTrue(this.anonymousLine(listener))
  }

  /** The line that says whether clients without a name get in. */
  anonymousLine(listener: Listener): Setting | undefined {
    return listener.last('listener_allow_anonymous') ?? this.security(listener, 'allow_anonymous')
  }

  /** The last line with one of these options, wherever it stands. */
  line(...keys: readonly string[]): Setting | undefined {
    return this.settings.findLast(({ key }) => keys.includes(key))
  }

  every(...keys: readonly string[]): readonly Setting[] {
    return this.settings.filter(({ key }) => keys.includes(key))
  }
}

const nameOptions = ['use_identity_as_username', 'use_subject_as_username', 'certificate_username_match']

export function isTrue(setting: Setting | undefined): boolean {
  const word = firstWord(setting)
  return word === 'true' || word === '1'
}

export function firstWord(setting: Setting | undefined): string | undefined {
  return setting?.value.split(' ', 1)[0]
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Reads a file and those it includes. A main file that cannot be read has no lines.
 *
 * @param table every option that is known, by name
 */
export function readConfiguration(file: string, table: OptionTable, files: ConfigFiles): Configuration {
  const names = new Map<string, Known>()
  for (const [key, option] of Object.entries(table)) {
    for (const name of [key, ...(option.aliases ?? [])]) names.set(name, { key, option })
  }
  const lines = readAll(file, files)
  const isPerListener = lines.some(
    ({ name, rest }) => name === 'per_listener_settings' && /^ *(true|1)( |$)/.test(rest),
  )
  const reader = new Reader(new Configuration(file, isPerListener), names)
  for (const line of lines) reader.take(line)
  return reader.configuration
}

interface Known {
  readonly key: string
  readonly option: AnyOption
}

interface PlacedLine extends Line {
  readonly file: string
}

/** What `include_dir` names stands where its line stands; an included file includes nothing. */
function readAll(main: string, files: ConfigFiles): readonly PlacedLine[] {
  const lines: PlacedLine[] = []
  const read = (file: string, isMain: boolean) => {
    const bytes = files.read(file)
    if (!(bytes instanceof Uint8Array)) return
    for (const line of readLines(bytes)) {
      if (lines.length === mostLines) return
      lines.push({ ...line, file })
      if (line.name !== 'include_dir' || !isMain) continue
      const directory = line.rest.trim()
      const names = (files.list(directory) ?? []).filter(name => /.\.conf$/.test(name))
      for (const name of names.sort()) read(`${directory}/${name}`, false)
    }
  }
  read(main, true)
  return lines
}

/** What the lines of one file refer to. */
interface State {
  listener: Listener | undefined
  bridge: BridgeLines | undefined
  plugin: PluginLines | undefined
}

class Reader {
  readonly configuration: Configuration
  readonly #names: ReadonlyMap<string, Known>
  readonly #states = new Map<string, State>()
  #state: State = { listener: undefined, bridge: undefined, plugin: undefined }
  #defaultListener: Listener | undefined

  constructor(configuration: Configuration, names: ReadonlyMap<string, Known>) {
    this.configuration = configuration
    this.#names = names
  }

  take(line: PlacedLine): void {
    this.#state = this.#stateOf(line.file)
    const known = this.#names.get(line.name)
    const option = /^(?:plugin|auth)_opt_(.+)$/.exec(line.name)?.[1]
    const key = known?.key ?? option ?? line.name
    const setting = { file: line.file, line: line.number, key, name: line.name, value: line.rest.trim() }
    const { configuration } = this
    configuration.settings.push(setting)
    if (known !== undefined) configuration.hasKnownOptions = true
    if (known?.option.own === true) configuration.hasOwnOptions = true
    if (option !== undefined) this.#state.plugin?.settings.push(setting)
    else if (known?.option.scope === 'directive') this.#steer(setting)
    else this.#place(setting, known?.option.scope ?? 'global', known?.option.opens)
  }

  /** What an included file refers to ends with it, and the main file goes on as it was. */
  #stateOf(file: string): State {
    const state = this.#states.get(file) ?? { listener: undefined, bridge: undefined, plugin: undefined }
    this.#states.set(file, state)
    return state
  }

  #steer(setting: Setting): void {
    if (setting.key === 'listener') this.#beginListener(setting)
    else if (setting.key === 'port') this.#listenerOrDefault(setting).port = numberOf(setting.value)
    else if (setting.key === 'bind_address') this.#listenerOrDefault(setting).address = setting.value
  }

  #beginListener(setting: Setting): void {
    const listener = new Listener(setting)
    const [port = '', place] = setting.value.split(/ +/)
    listener.port = numberOf(port)
    const where = place?.startsWith('#') ? undefined : place
    if (listener.port === 0) listener.path = where
    else listener.address = where === '0.0.0.0' || where === '::' ? undefined : where
    this.configuration.listeners.push(listener)
    this.#state.listener = listener
  }

  #place(setting: Setting, scope: Scope, opens: AnyOption['opens']): void {
    const { configuration } = this
    if (opens === 'bridge') {
      this.#state.bridge = new BridgeLines(setting)
      configuration.bridges.push(this.#state.bridge)
    }
    if (opens === 'plugin') this.#state.plugin = setting.key === 'plugin_use' ? this.#use(setting) : this.#plug(setting)
    this.#sectionFor(setting, scope).settings.push(setting)
  }

  #plug(setting: Setting): PluginLines {
    const plugin = new PluginLines(setting)
    this.configuration.plugins.push(plugin)
    return plugin
  }

  /** The lines that follow are about what was loaded. */
  #use(setting: Setting): PluginLines | undefined {
    const plugin = this.configuration.plugins.find(({ name }) => name !== undefined && name === firstWord(setting))
    if (plugin !== undefined) plugin.isUsed = true
    return plugin
  }

  #sectionFor(setting: Setting, scope: Scope): Section {
    switch (scope) {
      case 'listener':
      case 'listener-only':
      case 'named-listener':
        return this.#listenerOrDefault(setting)
      case 'security':
        if (this.configuration.isPerListener) return this.#listenerOrDefault(setting)
        if (this.#state.listener !== undefined) this.configuration.belowListeners.push(setting)
        return this.configuration.globals
      case 'bridge':
        return this.#state.bridge ?? this.configuration.globals
      default:
        return this.configuration.globals
    }
  }

  #listenerOrDefault(setting: Setting): Listener {
    if (this.#state.listener !== undefined) return this.#state.listener
    if (this.#defaultListener === undefined) {
      this.#defaultListener = new Listener(setting, setting.key)
      this.configuration.listeners.push(this.#defaultListener)
    }
    this.#state.listener = this.#defaultListener
    return this.#defaultListener
  }
}

function numberOf(text: string): number {
  const number = Number(text.split(' ', 1)[0])
  return Number.isInteger(number) ? number : 0
}
