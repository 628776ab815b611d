// Dynamic security as the lines of its plugin ask for it: read or begun at the start, put before the broker's topics, read
// again at a reload and when the file was edited.

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
import { FileKeeper, type SeenFile } from '../dynsec/file-keeper.ts'
import { fileText } from '../dynsec/file-text.ts'
import { identityNow, replaceFile } from '../dynsec/file-writer.ts'
import { firstStart } from '../dynsec/first-start.ts'
import { isFirstStart, type Recovered, recover } from '../dynsec/recover.ts'
import { SecurityState } from '../dynsec/state.ts'
import type { ReadinessCheck } from '../observe/readiness.ts'
import { noteFiles } from './audit.ts'
import { errorLines } from './error-lines.ts'
import type { Config, GlobalSettings } from './options.ts'
import { securityFile, securityPlugin } from './rule-sources.ts'

/** Where commands are sent. */
const topic = '$CONTROL/dynamic-security/v1'
/** Milliseconds between two looks at the file, and between two attempts to write what could not be written. */
const lookMs = 1000

/** As `--test-config` needs it: what is there is read, and nothing written. @throws DynamicSecurityError */
export function readDirectory(config: Config, log: Log): UserDirectory | undefined {
  const plugin = pluginOf(config)
  const path = plugin && securityFile(config.global, plugin)
  if (path === undefined) return undefined
  return isFirstStart(path) ? onlyAsked(new SecurityState(), log) : readDirectoryFile(path, log)
}

/** One that is asked, and never changed. @throws DynamicSecurityError */
export function readDirectoryFile(path: string, log: Log): UserDirectory {
  return onlyAsked(load(path, log).state, log)
}

function onlyAsked(state: SecurityState, log: Log): UserDirectory {
  const keeper = { save: async () => {}, fold: async () => {}, isFull: false }
  return new DynamicSecurity({ state, keeper, log, disconnects: () => true })
}

/** The one that all listeners share which have any; `check-config.ts` lets no second file pass. */
function pluginOf({ global, listeners }: Config): Plugin | undefined {
  return listeners.map(listener => securityPlugin(global, listener)).find(plugin => plugin !== undefined)
}

export class SecurityService implements ReadinessCheck {
  readonly name = 'dynamic security'
  readonly directory: DynamicSecurity
  readonly #path: string
  readonly #keeper: FileKeeper
  readonly #log: Log
  #broker: Broker | undefined = undefined
  #lookedAt = Number.NEGATIVE_INFINITY

  private constructor(
    path: string,
    recovered: Recovered,
    known: string | undefined,
    log: Log,
    disconnects: () => boolean,
  ) {
    this.#path = path
    this.#log = log
    this.#keeper = new FileKeeper(
      { path, log, state: () => this.directory.state, edited: () => this.#takeIn() },
      recovered,
      known,
    )
    this.directory = new DynamicSecurity({ state: recovered.state, keeper: this.#keeper, log, disconnects })
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
    if (isFirstStart(path)) await begin(path, plugin.option('password_init_file'), log, env)
    // First: what is written meanwhile is read again.
    const known = identityNow(path)
    const recovered = load(path, log)
    const disconnects = () => settings().disconnect_on_role_change
    const service = new SecurityService(path, recovered, known, log, disconnects)
    await service.#keeper.open(recovered)
    return service
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
    this.#keeper.advance(now)
    if (now < this.#lookedAt + lookMs) return
    this.#lookedAt = now
    void this.#look()
  }

  async #look(): Promise<void> {
    if (await this.#keeper.isEdited()) this.#takeIn()
    if (this.directory.isUnsaved) await this.directory.retry()
  }

  /** Takes in what was edited; what cannot be used is told of once, and changes nothing. */
  #takeIn(): void {
    try {
      this.#adopt(this.#keeper.read())
      this.#broker?.reassess(everybody)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const errors = errorLines(error)
      for (const line of errors) this.#log.write('error', line)
      noteFiles(this.#broker?.audit, [this.#path], { errors })
    }
  }

  #adopt(seen: SeenFile): void {
    const file = this.#keeper.adopt(seen)
    if (file === undefined) return
    const { state, warnings } = file
    tell(file, this.#log)
    const before = sizesOf(this.directory.state)
    this.directory.replace(state)
    if (!seen.isEdited) return
    const left = warnings.length === 0 ? '' : ', with the warnings above'
    this.#log.write('notice', `Dynamic security: ${held(state, this.#path)}, which was edited${left}.`)
    const after = sizesOf(state)
    noteFiles(this.#broker?.audit, [this.#path], { before, after, ...(warnings.length > 0 && { warnings }) })
  }

  /**
   * Reads the file for a reload.
   *
   * @returns puts it to work, unless there is another one by then; the sessions are the caller's to judge again
   * @throws DynamicSecurityError
   */
  prepareReload(): () => void {
    const file = this.#keeper.read()
    return () => this.#adopt(file)
  }

  /** Has the file say everything; what it does not say stays in the log beside it. */
  async close(): Promise<void> {
    try {
      await this.#keeper.close()
    } catch (error) {
      const why = escapeText((error as Error).message, 4096)
      this.#log.write('error', `Error: Dynamic security config could not be written, its changes are kept: ${why}`)
    }
  }
}

function sizesOf({ clients, groups, roles }: SecurityState) {
  return { clients: clients.size, groups: groups.size, roles: roles.size }
}

const everybody: RightsChange = { concerns: () => true, disconnects: () => false, ends: () => false }

function load(path: string, log: Log): Recovered {
  const recovered = recover(path)
  tell(recovered, log)
  log.write('information', `Dynamic security: ${held(recovered.state, path)}.`)
  return recovered
}

function held(state: SecurityState, path: string): string {
  const { clients, groups, roles } = sizesOf(state)
  return `${clients} clients, ${groups} groups and ${roles} roles from ${escapeText(path, 4096)}`
}

function tell({ warnings }: Pick<Recovered, 'warnings'>, log: Log): void {
  for (const line of warnings) log.write('warning', line)
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
