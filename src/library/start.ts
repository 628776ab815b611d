// Starts a broker within a program: reads its options, opens what they name, and binds its listeners. What fails leaves nothing open.

import type { AuditTrail } from '../audit/trail.ts'
import { systemClock } from '../base/clock.ts'
import type { AppError } from '../base/errors.ts'
import type { BrokerLog } from '../observe/broker-log.ts'
import { closeAudit, noteStart, openAudit } from '../server/audit.ts'
import { CertificateService } from '../server/certificate-service.ts'
import { startBroker } from '../server/compose.ts'
import type { Broker } from './broker.ts'
import { type Configuration, readConfiguration } from './configuration.ts'
import { EmbeddedBroker } from './embedded-broker.ts'
import { OptionsError } from './errors.ts'
import type { BrokerOptions } from './options.ts'
import { Program } from './program.ts'
import { embeddingOf } from './program-embedding.ts'
import { openProgramLog } from './program-log.ts'

const defaultHookSeconds = 5
const hookSeconds = { least: 0.1, most: 60 }

/**
 * Makes a broker: everything is loaded and bound when it is there, and nothing is accepted before `listen`. It is closed unless
 * opened: without `allow_anonymous`, users or a hook `authenticate` nobody comes in.
 *
 * @throws OptionsError, or the AppError of a file, an address or a store that cannot be used
 */
export async function createBroker(options: BrokerOptions = {}): Promise<Broker> {
  const configuration = readConfiguration(options)
  const hookLimitMs = hookLimit(options.hookTimeout)
  const { config } = configuration
  const log = openProgramLog(config.global, options.log)
  for (const { type, line } of config.messages) log.write(type, line)
  const program = new Program(options.hooks ?? {}, hookLimitMs, log, systemClock())
  let audit: AuditTrail | undefined
  try {
    audit = await openAudit(() => config.global, log)
    noteStart(audit, 'done', { library: true })
    return await start(configuration, program, log, audit)
  } catch (error) {
    noteStart(audit, 'failed', { error: [(error as Error).message] })
    await closeAudit(audit)
    log.flush()
    log.configure({ ...config.global, log_dest: [] })
    throw error
  }
}

async function start(
  configuration: Configuration,
  program: Program,
  log: BrokerLog,
  audit: AuditTrail | undefined,
): Promise<EmbeddedBroker> {
  const clock = systemClock()
  const { config } = configuration
  const certificates = await CertificateService.configured(config.global, log, audit)
  const lost = Promise.withResolvers<AppError>()
  try {
    const running = await startBroker(config, log, clock, {
      issued: certificates,
      audit,
      givesUp: new AbortController().signal,
      embedding: embeddingOf(program, configuration, log, clock),
      storeLost: lost.resolve,
    })
    const broker = new EmbeddedBroker({ configuration, program, log, running, audit, certificates })
    void lost.promise.then(error => broker.storeLost(error))
    return broker
  } catch (error) {
    certificates?.close()
    throw error
  }
}

function hookLimit(seconds: number = defaultHookSeconds): number {
  const { least, most } = hookSeconds
  if (typeof seconds === 'number' && seconds >= least && seconds <= most) return seconds * 1000
  throw new OptionsError([`hookTimeout is no number of seconds from ${least} to ${most}`])
}
