// From the options of a program to a configuration, and to the listeners that have no address: one for streams that are handed over,
// one for WebSockets, and one for what the program itself publishes and subscribes to.

import { ConfigError, placeOf } from '../config/config-error.ts'
import { type ConfigFiles, filesOnDisk } from '../config/config-files.ts'
import type { Config, ListenerSettings } from '../server/options.ts'
import { parseConfig } from '../server/parse-config.ts'
import { brokerLines, type ConfLine, listenerLines } from './conf-text.ts'
import { OptionsError } from './errors.ts'
import { type BrokerOptions, ofAcceptors } from './options.ts'

export interface Configuration {
  /** With the listeners that have no address behind those that do. */
  readonly config: Config
  readonly given: ListenerSettings
  readonly givenWebSocket: ListenerSettings
  readonly own: ListenerSettings
}

/** @throws OptionsError with everything that is wrong */
export function readConfiguration(options: BrokerOptions): Configuration {
  // `log`, hooks and their time are not of the file.
  const { conf, confFile, listeners = [], given = {}, hooks: _, hookTimeout: __, log: ___, ...values } = options
  const isText = conf !== undefined || confFile !== undefined
  if (
    isText &&
    (Object.keys(values).length > 0 || listeners.length > 0 || (conf !== undefined && confFile !== undefined))
  ) {
    throw new OptionsError(["'conf' and 'confFile' stand alone: every other option of the broker is in the file"])
  }
  const { global, security } = brokerLines(values)
  const config = isText ? readText(conf, confFile) : readObjects(listeners, global, security)
  for (const name of Object.keys(given)) {
    if (!ofAcceptors.some(known => known === name)) continue
    throw new OptionsError([`option '${name}' of given is for whoever accepts the streams to decide`])
  }
  const streams = unbound(parseLines([...global, ...listenerLines({ ...given, port: 1883 }, ' of given', security)]))
  const own = unbound(parseLines(listenerLines({ port: 1883 }, '', {})))
  const placed = {
    given: { ...streams, path: 'given' },
    givenWebSocket: { ...streams, protocol: 'websockets' as const, path: 'given websockets' },
    own: { ...own, path: 'in-process' },
  }
  // No listener of its own: then it listens nowhere, and not as a broker without a file does.
  const bound = config.localOnly ? [] : config.listeners
  const messages = config.localOnly ? config.messages.filter(({ line }) => !isAboutLocalOnly(line)) : config.messages
  const all = [...bound, placed.given, placed.givenWebSocket, placed.own]
  return { config: Object.freeze({ ...config, messages, listeners: Object.freeze(all), localOnly: false }), ...placed }
}

/** The three lines of a broker that has no listener. */
function isAboutLocalOnly(line: string): boolean {
  return /^(Starting in local only mode|Create a configuration file which defines|For more details see )/.test(line)
}

function readText(conf: string | undefined, confFile: string | undefined): Config {
  if (conf === undefined) return refusing(() => parseConfig(confFile, { files: filesOnDisk }), undefined)
  return refusing(() => parseConfig(textName, { files: withText(conf) }), undefined)
}

function readObjects(
  listeners: readonly object[],
  global: readonly ConfLine[],
  security: Readonly<Record<string, unknown>>,
): Config {
  const lines = listeners.flatMap((listener, index) =>
    listenerLines({ ...listener }, ` of listener ${index + 1}`, security),
  )
  const config = parseLines([...global, ...lines])
  const ports = listeners.map(listener => ('port' in listener ? listener.port : undefined))
  const placed = config.listeners.map((settings, index) => (ports[index] === 0 ? { ...settings, port: 0 } : settings))
  // That each listener has its own settings was decided here, and nobody has to be told about it.
  const messages = config.messages.filter(({ line }) => !line.includes('per_listener_settings'))
  return { ...config, messages, listeners: config.localOnly ? config.listeners : placed }
}

function unbound(config: Config): ListenerSettings {
  const [settings] = config.listeners
  return { ...(settings as ListenerSettings), port: 0, address: undefined }
}

/** What the text is called where a line of it is at fault. */
const textName = 'conf'

function parseLines(lines: readonly ConfLine[]): Config {
  const text = lines.map(line => line.text).join('\n')
  return refusing(() => parseConfig(textName, { files: withText(text) }), lines)
}

/** The text in place of a file; what it includes is on disk. */
function withText(text: string): ConfigFiles {
  return {
    read: path => (path === textName ? Buffer.from(text) : filesOnDisk.read(path)),
    list: directory => filesOnDisk.list(directory),
  }
}

/** @param lines of a text that was made here */
function refusing(parse: () => Config, lines: readonly ConfLine[] | undefined): Config {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new OptionsError(
      error.problems.map(({ message, locations, hint }) => {
        const [location] = locations
        const place = location && (lines === undefined ? placeOf(location) : lines[location.line - 1]?.place)
        const text = message.replace(/^Error: /, '').replace(/\.$/, '')
        return [text, ...(place === undefined ? [] : [`(${place})`]), ...(hint === undefined ? [] : [hint])].join(' ')
      }),
    )
  }
}
