// Dynamic security as the lines of its plugin ask for it: read or begun at the start, put before the broker's topics, read
// again at a reload and when the file was edited.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { dynamicSecurityPlugin, highAvailabilityPlugin } from '../auth/built-in-plugins.ts'
import { readSecretFile, SecretFileError } from '../auth/secret-file.ts'
import type { UserDirectory } from '../auth/user-directory.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { systemReason } from '../base/system-reason.ts'
import type { Broker } from '../broker/broker.ts'
import type { RightsChange } from '../broker/reassess.ts'
import type { Plugin } from '../config/plugin.ts'
import { DynamicSecurity } from '../dynsec/dynamic-security.ts'
import { unusableFile } from '../dynsec/errors.ts'
import { fileText } from '../dynsec/file-text.ts'
import { FileWriter, identityOf, replaceFile } from '../dynsec/file-writer.ts'
import { firstStart } from '../dynsec/first-start.ts'
import { readState } from '../dynsec/read-file.ts'
import { SecurityState } from '../dynsec/state.ts'
import type { ReadinessCheck } from '../observe/readiness.ts'
import { errorLines } from './error-lines.ts'
import type { Config, GlobalSettings, ListenerSettings } from './options.ts'

/** Where commands are sent. */
const topic = '$CONTROL/dynamic-security/v1'
/** Milliseconds between two looks at the file, and between two attempts to write what could not be written. */
const lookMs = 1000

/** The plugin's lines that hold for a listener; undefined where there are none. */
export function securityPlugin(
  { global_plugin: everywhere }: GlobalSettings,
  { plugin: own }: ListenerSettings,
): Plugin | undefined {
  return [...own, ...everywhere].find(
    ({ baseName }) => baseName === dynamicSecurityPlugin || baseName === highAvailabilityPlugin,
  )
}

/** Where its clients are kept; undefined where no line says it. */
export function securityFile({ persistence_location: location }: GlobalSettings, plugin: Plugin): string | undefined {
  if (plugin.baseName === dynamicSecurityPlugin) return plugin.option('config_file')
  // Pro Mosquitto has no option for it (features G1).
  return location === undefined ? undefined : join(location, 'dynamic-security.json')
}

/** As `--test-config` needs it: what is there is read, and nothing written. @throws DynamicSecurityError */
export function readDirectory(config: Config, log: Log): UserDirectory | undefined {
  const plugin = pluginOf(config)
  const path = plugin && securityFile(config.global, plugin)
  if (path === undefined) return undefined
  return existsSync(path) ? readDirectoryFile(path, log) : onlyAsked(new SecurityState(), log)
}

/** One that is asked, and never changed. @throws DynamicSecurityError */
export function readDirectoryFile(path: string, log: Log): UserDirectory {
  return onlyAsked(load(path, log), log)
}

function onlyAsked(state: SecurityState, log: Log): UserDirectory {
  return new DynamicSecurity({ state, writer: { write: async () => {} }, log, disconnects: () => true })
}

/** The one that all listeners share which have any; `check-config.ts` lets no second file pass. */
function pluginOf({ global, listeners }: Config): Plugin | undefined {
  return listeners.map(listener => securityPlugin(global, listener)).find(plugin => plugin !== undefined)
}

export class SecurityService implements ReadinessCheck {
  readonly name = 'dynamic security'
  readonly directory: DynamicSecurity
  readonly #path: string
  readonly #writer: FileWriter
  readonly #log: Log
  #broker: Broker | undefined = undefined
  /** The file that was read last. */
  #seen: string | undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  private constructor(
    path: string,
    directory: DynamicSecurity,
    writer: FileWriter,
    log: Log,
    seen: string | undefined,
  ) {
    this.#path = path
    this.directory = directory
    this.#writer = writer
    this.#log = log
    this.#seen = seen
  }

  /**
   * @param settings those in force when they are asked for
   * @returns undefined where no listener has the plugin
   * @throws DynamicSecurityError for a file that cannot be read, or made
   */
  static async open(
    config: Config,
    log: Log,
    settings: () => GlobalSettings,
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<SecurityService | undefined> {
    const plugin = pluginOf(config)
    const path = plugin && securityFile(config.global, plugin)
    if (plugin === undefined || path === undefined) return undefined
    if (!existsSync(path)) await begin(path, plugin.option('password_init_file'), log, env)
    // First: what is written meanwhile is read again.
    const seen = await identityOf(path)
    const state = load(path, log)
    const writer = new FileWriter(path, () => directory.state)
    const disconnects = () => settings().disconnect_on_role_change
    const directory = new DynamicSecurity({ state, writer, log, disconnects })
    return new SecurityService(path, directory, writer, log, seen)
  }

  /** The sessions that were restored may have more than they may have by now. */
  attach(broker: Broker): void {
    this.#broker = broker
    this.directory.host = {
      reassess: change => broker.reassess(change),
      addresses: () => addressesOf(broker),
    }
    broker.endpoints.set(topic, this.directory)
    broker.reassess(everybody)
  }

  unreadyBecause(): string | undefined {
    return this.directory.isUnsaved ? 'its file cannot be written' : undefined
  }

  /** Called several times a second. */
  advance(now: number): void {
    if (now < this.#lookedAt + lookMs) return
    this.#lookedAt = now
    if (this.directory.isUnsaved) void this.directory.retry()
    else void this.#look()
  }

  /** Takes in what was edited; what cannot be used is told of once, and changes nothing. */
  async #look(): Promise<void> {
    const identity = await identityOf(this.#path)
    const isKnown = identity === undefined || identity === this.#seen || identity === this.#writer.written
    if (isKnown || !this.directory.isSettled) return
    this.#seen = identity
    try {
      this.directory.replace(load(this.#path, this.#log))
      this.#broker?.reassess(everybody)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      for (const line of errorLines(error)) this.#log.write('error', line)
    }
  }

  /**
   * Reads the file for a reload.
   *
   * @returns puts it to work; the sessions are the caller's to judge again
   * @throws DynamicSecurityError
   */
  prepareReload(): () => void {
    // What has just been changed is not in the file yet, and must not be lost to it.
    if (!this.directory.isSettled) return () => {}
    const state = load(this.#path, this.#log)
    return () => {
      if (this.directory.isSettled) this.directory.replace(state)
    }
  }
}

const everybody: RightsChange = { concerns: () => true, disconnects: () => false, ends: () => false }

function load(path: string, log: Log): SecurityState {
  try {
    const { bytes, warnings: exposure } = readSecretFile(path)
    const { state, warnings } = readState(bytes, path)
    for (const line of [...exposure, ...warnings]) log.write('warning', line)
    const { clients, groups, roles } = state
    log.write(
      'information',
      `Dynamic security: ${clients.size} clients, ${groups.size} groups and ${roles.size} roles from ${escapeText(path, 4096)}.`,
    )
    return state
  } catch (error) {
    if (!(error instanceof SecretFileError)) throw error
    throw unusableFile(path, error.message, error)
  }
}

async function begin(path: string, initFile: string | undefined, log: Log, env: NodeJS.ProcessEnv): Promise<void> {
  log.write('information', 'Dynamic security plugin config not found, generating a default config.')
  const { state, passwords } = await firstStart(initFile, env)
  try {
    if (passwords !== undefined) await replaceFile(`${path}.pw`, [passwords])
    await replaceFile(path, fileText(state))
  } catch (error) {
    throw unusableFile(path, `it cannot be written (${systemReason(error)})`, error)
  }
  if (passwords !== undefined) {
    log.write('notice', `The passwords of its clients are in ${escapeText(path, 4096)}.pw: read them, and remove it.`)
  }
}

function addressesOf({ connections }: Broker): ReadonlyMap<string, readonly string[]> {
  const addresses = new Map<string, string[]>()
  for (const connection of connections) {
    const username = connection.state === 'connected' ? connection.session.principal.username : undefined
    if (username === undefined) continue
    const known = addresses.get(username)
    if (known === undefined) addresses.set(username, [connection.peer.address])
    else known.push(connection.peer.address)
  }
  return addresses
}
