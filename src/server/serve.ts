// Runs a broker with Mosquitto's signals and exit codes, from a configuration that is right until it is told to stop, or cannot go on.

import { unlinkSync, writeFileSync } from 'node:fs'
import { AuditFileError } from '../audit/errors.ts'
import type { AuditTrail } from '../audit/trail.ts'
import { systemClock, wallClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { version } from '../base/version.ts'
import { HttpListenError } from '../http/errors.ts'
import { HttpDirectoryError } from '../http/served-directory.ts'
import { ListenerError } from '../net/errors.ts'
import { type BrokerLog, createLog } from '../observe/broker-log.ts'
import { systemLogIo } from '../observe/log-io.ts'
import { StoreError } from '../store/store-error.ts'
import { closeAudit, noteStart, noteStop, openAudit, ReloadNotes } from './audit.ts'
import { CertificateService, CertificateServiceError } from './certificate-service.ts'
import { startBroker } from './compose.ts'
import { tellParent } from './daemon.ts'
import { storeDirectory } from './durability.ts'
import { errorLines } from './error-lines.ts'
import { growDescriptorTable } from './open-files.ts'
import type { Config } from './options.ts'
import { removeEmpty } from './privileges.ts'
import { type ReloadInputs, reload } from './reload.ts'
import { becomeUser, configInputs, exitCode, type RunIo, type RunOptions, tellFault } from './run-options.ts'
import type { RunningBroker } from './running-broker.ts'
import { Signals } from './signals.ts'
import { logSubscriptionTree } from './subscription-dump.ts'
import { keepTelling, type ServiceManager, servedBy, serviceManager } from './systemd.ts'

/** @returns the exit code, once the broker has stopped or could not start */
export async function serve(options: RunOptions, config: Config, io: RunIo): Promise<number> {
  let made: readonly string[] = []
  try {
    made = becomeUser(config, config.global.persistence ? [storeDirectory(config.global)] : [])
    const log = createLog(config.global, systemLogIo({ now: wallClock }))
    growDescriptorTable()
    return await serveUntilStopped(options, config, log)
  } catch (error) {
    tellFault(error, io)
    return exitCode.unusable
  } finally {
    // Of a start that was refused; there is something in them after any other.
    for (const directory of made) removeEmpty(directory)
  }
}

async function serveUntilStopped(options: RunOptions, config: Config, log: BrokerLog): Promise<number> {
  const signals = new Signals()
  log.write('information', `castellan version ${version()} starting`)
  if (!signals.catchesRealTime) log.write('warning', realTimeEnds)
  if (options.configFile === undefined) log.write('information', 'Using default config.')
  else log.write('information', `Config loaded from ${escapeText(options.configFile)}.`)
  for (const { type, line } of config.messages) log.write(type, line)
  process.on('exit', () => log.flush())
  const lost = Promise.withResolvers<StoreError>()
  let running: RunningBroker
  let certificates: CertificateService | undefined
  let audit: AuditTrail | undefined
  let settings = () => config.global
  try {
    audit = await openAudit(() => settings(), log)
    noteStart(audit, 'done', { config: options.configFile })
    // First: a list that is due is signed before a listener reads it.
    certificates = await CertificateService.configured(config.global, log, audit)
    const control = { issued: certificates, audit, givesUp: signals.ending, storeLost: lost.resolve }
    running = await startBroker(config, log, systemClock(), control)
    settings = () => running.config.global
    writePidFile(config.global.pid_file)
  } catch (error) {
    if (signals.ending.aborted && error === signals.ending.reason) {
      noteStop(audit, 'a signal, before it was running')
      await closeAudit(audit)
      return stoppedEarly(log)
    }
    if (!(error instanceof AppError)) throw error
    for (const line of errorLines(error)) log.write('error', line)
    noteStart(audit, 'failed', { error: errorLines(error) })
    await closeAudit(audit)
    log.flush()
    const isUnusable = unusable.some(kind => error instanceof kind)
    return isUnusable ? exitCode.unusable : exitCode.configuration
  }
  log.write('information', `castellan version ${version()} running`)
  options.onListening?.()
  tellParent()
  const manager = serviceManager(log)
  const stopTelling = keepTelling(manager, servedBy(running), systemClock().now)
  const error = await Promise.race([untilStopped(signals, options, running, log, audit, manager), lost.promise])
  const lastWord = stopTelling()
  removePidFile(config.global.pid_file)
  certificates?.close()
  const code = await (error === undefined ? stop(running, signals, log) : abandon(running, error, log))
  noteStop(audit, error === undefined ? 'a signal' : error.message)
  await closeAudit(audit)
  await lastWord
  log.flush()
  return code
}

function stoppedEarly(log: BrokerLog): number {
  log.write('information', `castellan version ${version()} terminating before it was running`)
  log.flush()
  return exitCode.stopped
}

async function stop(running: RunningBroker, signals: Signals, log: Log): Promise<number> {
  log.write('information', `castellan version ${version()} terminating`)
  const { shutdown_timeout: seconds } = running.config.global
  const outcome = await Promise.race([
    running.stop(seconds * 1000),
    signals.endedAgain.then(() => 'cut short' as const),
  ])
  if (outcome === 'stopped') return exitCode.stopped
  const why =
    outcome === 'unsaved'
      ? `Not everything could be written within ${seconds} s (shutdown_timeout)`
      : 'A second signal has cut the end short'
  log.write('error', `Error: ${why}: nothing that was acknowledged is lost, what was not may be.`)
  return exitCode.unusable
}

/** Going on would acknowledge nothing any more. */
async function abandon(running: RunningBroker, error: StoreError, log: Log): Promise<number> {
  log.write('error', `Error: The store is lost, and the broker ends: ${escapeText(error.message, 4096)}.`)
  log.write('error', 'Error: Everything that was acknowledged is in the store, and is there after a restart.')
  await running.abandon()
  return exitCode.unusable
}

/** Resolves on the first signal that ends the broker. */
function untilStopped(
  signals: Signals,
  options: RunOptions,
  running: RunningBroker,
  log: BrokerLog,
  audit: AuditTrail | undefined,
  manager: ServiceManager | undefined,
): Promise<undefined> {
  const notes = new ReloadNotes(audit, running.config)
  const again = { configFile: options.configFile, ...configInputs(options) }
  let reloads: Promise<unknown> = Promise.resolve()
  return new Promise(resolve => {
    signals.deliver(signal => {
      if (signal === 'SIGHUP') reloads = reloads.then(() => reloadTold(manager, running, log, again, notes))
      else if (signal === 'SIGUSR1')
        log.write('notice', running.broker.journal === undefined ? nothingToSave : allIsSaved)
      else if (signal === 'SIGUSR2') logSubscriptionTree(running.broker, log)
      else if (signal === 'SIGRTMIN') log.reopen()
      else resolve(undefined)
    })
  })
}

/** The service manager waits for the end of it, whatever comes of it. */
async function reloadTold(
  manager: ServiceManager | undefined,
  running: RunningBroker,
  log: BrokerLog,
  again: ReloadInputs,
  notes: ReloadNotes,
): Promise<void> {
  manager?.reloading()
  await reload(running, log, again, notes)
  manager?.ready(servedBy(running).status())
}

const realTimeEnds =
  'Warning: This version of Node lets SIGRTMIN end the process: use SIGHUP where a log file is to be opened anew.'

const nothingToSave = 'Nothing saved: `persistence` is off, sessions and retained messages live in memory.'
const allIsSaved = 'Nothing to save: what was acknowledged is in the store already.'

class PidFileError extends AppError {
  constructor(path: string, cause: unknown) {
    super('ERR_SERVER_PID_FILE', `Error: Unable to write pid file "${escapeText(path)}".`, { cause })
  }
}

/** What Mosquitto's exit code 1 stands for: the configuration is right, and the system does not let us. */
const unusable = [
  AuditFileError,
  ListenerError,
  HttpListenError,
  HttpDirectoryError,
  CertificateServiceError,
  PidFileError,
  StoreError,
]

function writePidFile(path: string | undefined): void {
  if (path === undefined) return
  try {
    writeFileSync(path, `${process.pid}\n`, { mode: 0o644 })
  } catch (cause) {
    throw new PidFileError(path, cause)
  }
}

function removePidFile(path: string | undefined): void {
  if (path === undefined) return
  try {
    unlinkSync(path)
  } catch {
    // Somebody else has removed it, or this user no longer may: the process ends either way.
  }
}
