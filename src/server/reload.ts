// SIGHUP as a transaction: everything is read, checked and prepared first; only then does anything change. A fault leaves
// the running configuration untouched and says so.

import type { Realm } from '../auth/realm.ts'
import { AppError } from '../base/errors.ts'
import { ConfigError } from '../config/config-error.ts'
import { filesOnDisk } from '../config/config-files.ts'
import { byName, diffConfig, reloadRefusals } from '../config/diff.ts'
import type { ResolvedConfig } from '../config/resolve.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import type { ReloadNotes } from './audit.ts'
import type { BridgeService } from './bridges.ts'
import { expelBanned } from './broker-control.ts'
import { bridgesOf } from './compose.ts'
import { errorLines } from './error-lines.ts'
import { failureThrottle, passwordChecks, takeoverThrottle } from './guard-settings.ts'
import type { OpenListener } from './open-listeners.ts'
import { type Config, type ListenerSettings, options } from './options.ts'
import { type ConfigInputs, parseConfig } from './parse-config.ts'
import { loadRevocations } from './revocation-lists.ts'
import { RulesLoader } from './rules.ts'
import type { BrokerParts, RunningBroker } from './running-broker.ts'

export interface ReloadInputs extends Omit<ConfigInputs, 'files'> {
  readonly configFile: string | undefined
}

/** The parts that a reload puts to work, each of which can no longer fail. */
interface Prepared {
  readonly open: OpenListener
  readonly settings: ListenerSettings
  readonly realm: Realm
  readonly swapTls: () => void
}

/**
 * Reads everything again and puts it to work, or changes nothing; one reload at a time.
 *
 * @returns whether it was done
 */
export async function reload(
  running: RunningBroker,
  log: BrokerLog,
  inputs: ReloadInputs,
  notes: ReloadNotes,
): Promise<boolean> {
  log.write('information', 'Reloading config.')
  try {
    const next = parseConfig(inputs.configFile, { ...inputs, files: filesOnDisk })
    const refusals = reloadRefusals(diffConfig(options, comparable(running.config), comparable(next)))
    if (refusals.length > 0) return refuse(log, refusals, notes)
    const { broker, inForce, revocations, security, banFile } = running.parts
    await loadRevocations(revocations, next)
    const bridges = inForce.bridges ?? (await firstBridges(running, next))
    const replaceSecurity = security?.prepareReload()
    const replaceBans = banFile?.prepareReload()
    const prepared = prepare(running, next, log)
    log.configure(next.global)
    for (const message of next.messages) log.write(message.type, message.line)
    replaceSecurity?.()
    replaceBans?.()
    const { config: before } = inForce
    inForce.bridges = bridges
    apply(running.parts, next, prepared)
    expelBanned(broker)
    revocations.keep(next.listeners.map(({ crlfile }) => crlfile))
    notes.done(before, next)
    log.write('information', 'Configuration reloaded.')
    return true
  } catch (error) {
    if (error instanceof ConfigError) return refuse(log, error.lines, notes)
    if (error instanceof AppError) return refuse(log, errorLines(error), notes)
    throw error
  }
}

/** The program may have been replaced or removed since it was started: what runs goes on. */
async function firstBridges({ parts, listeners }: RunningBroker, next: Config): Promise<BridgeService | undefined> {
  const { broker, inForce } = parts
  try {
    return await bridgesOf(broker, next, listeners[0]?.context, () => inForce.config.global)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const message = 'Error: The part of the program that has bridges cannot be loaded any more; restart the broker.'
    throw new AppError('ERR_SERVER_RELOAD_BRIDGES', message, { cause })
  }
}

function prepare({ parts, config, listeners }: RunningBroker, next: Config, log: BrokerLog): readonly Prepared[] {
  const rules = new RulesLoader(log, parts.verifier, parts.security?.directory, parts.external)
  const openListeners = new Map([...byName(config.listeners).keys()].map((name, i) => [name, listeners[i]]))
  return [...byName(next.listeners)].map(([name, settings]) => {
    const open = openListeners.get(name)
    if (open === undefined)
      throw new AppError('ERR_SERVER_RELOAD_LISTENER', `Error: No listener for ${settings.origin}.`)
    return { open, settings, realm: rules.realm(next.global, settings), swapTls: open.listener.prepareReload(settings) }
  })
}

function apply(
  { inForce, broker, external, verifier }: BrokerParts,
  next: Config,
  prepared: readonly Prepared[],
): void {
  for (const { open, settings, realm, swapTls } of prepared) {
    open.context.settings = settings
    open.context.realm = realm
    swapTls()
  }
  external.adopt()
  inForce.config = next
  verifier.settings = passwordChecks(next.global)
  broker.failures.settings = failureThrottle(next.global)
  broker.takeovers.settings = takeoverThrottle(next.global)
  inForce.bridges?.adopt(next)
  broker.reconfigure(next.global)
  inForce.bridges?.reload()
}

/** An interface is no index signature to the compiler, though it is nothing else here. */
function comparable({ global, listeners, localOnly }: Config): ResolvedConfig {
  return { global, listeners: listeners.map(listener => ({ ...listener })), localOnly }
}

function refuse(log: BrokerLog, lines: readonly string[], notes: ReloadNotes): false {
  notes.refused(lines)
  // The file may have been moved away all the same.
  log.reopen()
  for (const line of lines) log.write('error', line)
  log.write('error', 'Error: Nothing was reloaded; the configuration that was running goes on.')
  return false
}
