// Keeps an authority's revocation lists fresh by a timer, and serves them and OCSP; beside a broker, or alone.

import type { Audit } from '../audit/event.ts'
import { wallClock } from '../base/clock.ts'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { systemReason } from '../base/system-reason.ts'
import type { Settings } from '../config/option.ts'
import type { IssueRecords } from '../net/client-trust.ts'
import type { CrlOutcome } from '../pki/crl-publisher.ts'
import type { CertificateEngine } from '../pki/engine.ts'
import type { IssuedCertificates } from '../pki/issued-certificates.ts'
import type { PublicListener } from '../pki/public-listener.ts'
import type { certificateOptions } from './certificate-options.ts'

export type CertificateSettings = Settings<typeof certificateOptions, 'global'>

/** The system does not let us listen there. */
export class CertificateServiceError extends AppError {
  constructor(place: string, cause: unknown) {
    const message = `Error: Unable to serve revocation lists on ${place} (${systemReason(cause)}).`
    super('ERR_SERVER_CA_LISTEN', message, { cause })
  }
}

export interface CertificateServiceOptions {
  readonly directory: string
  /** Its first line opens the authority's keys; without it lists are served, and not signed. */
  readonly passphraseFile: string | undefined
  readonly address: { readonly port: number; readonly address: string } | undefined
}

/** A list is due after a day: that is noticed soon enough. */
const checkMs = 10 * 60 * 1000
const dayMs = 24 * 60 * 60 * 1000
/** So often the journal is read on: thousands of certificates that were issued meanwhile would hold up whoever is asked first. */
const followMs = 1000
/** Of a list's week: then somebody has to come. */
const alarmBeforeMs = 3 * dayMs

export class CertificateService implements IssueRecords {
  readonly #engine: CertificateEngine
  readonly #issued: IssuedCertificates
  readonly #log: Log
  readonly #audit: Audit | undefined
  readonly #listener: PublicListener | undefined
  readonly #timers: readonly NodeJS.Timeout[]
  /** What was told already; forgotten when a list is signed. */
  readonly #complaints = new Set<string>()

  private constructor(
    engine: CertificateEngine,
    issued: IssuedCertificates,
    log: Log,
    audit: Audit | undefined,
    listener: PublicListener | undefined,
  ) {
    this.#engine = engine
    this.#issued = issued
    this.#log = log
    this.#audit = audit
    this.#listener = listener
    this.#timers = [
      setInterval(() => void this.refresh(), checkMs),
      setInterval(() => this.#readJournal(() => engine.refresh()), followMs),
    ]
  }

  /** @throws AppError when the directory or the address cannot be used */
  static async open(options: CertificateServiceOptions, log: Log, audit?: Audit): Promise<CertificateService> {
    // Loaded here: a broker without an authority does not pay for the X.509 library.
    const [{ CertificateEngine }, { IssuedCertificates }, { readWhole }] = await Promise.all([
      import('../pki/engine.ts'),
      import('../pki/issued-certificates.ts'),
      import('../pki/files.ts'),
    ])
    const { passphraseFile, directory, address } = options
    const passphrase = passphraseFile === undefined ? undefined : firstLine(readWhole(passphraseFile, 4096))
    const engine = new CertificateEngine(directory, passphrase === undefined ? undefined : async () => passphrase)
    const listener = address === undefined ? undefined : await listen(engine, address, log)
    const service = new CertificateService(engine, new IssuedCertificates(engine), log, audit, listener)
    await service.refresh()
    return service
  }

  /** Of a configuration; undefined when it names no authority. @throws AppError */
  static async configured(
    settings: CertificateSettings,
    log: Log,
    audit?: Audit,
  ): Promise<CertificateService | undefined> {
    const { ca_directory: directory, ca_passphrase_file: passphraseFile, ca_listener: address } = settings
    if (directory === undefined) return undefined
    return CertificateService.open({ directory, passphraseFile, address }, log, audit)
  }

  get port(): number | undefined {
    return this.#listener?.port
  }

  /** Signs what is due; what goes wrong is told, and tried again. */
  async refresh(): Promise<void> {
    const now = wallClock()
    try {
      for (const outcome of await this.#engine.resignCrls(now)) this.#tell(outcome, now)
      await this.#engine.renewOcspSigners(now)
    } catch (error) {
      this.#complain(`Error: Unable to refresh the revocation lists: ${faultOf(error)}.`)
    }
  }

  #readJournal<T>(work: () => T, otherwise?: T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#complain(`Error: Unable to read what ca_directory has issued: ${faultOf(error)}.`)
      return otherwise
    }
  }

  /** As `IssuedCertificates`; what cannot be looked up was not issued. */
  has(signerKey: string, serialNumber: string, fingerprint: string): boolean | undefined {
    return this.#readJournal(() => this.#issued.has(signerKey, serialNumber, fingerprint), false)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#listener?.close()
  }

  #tell({ issuer, outcome, number, nextUpdate, entries, why = '' }: CrlOutcome, now: number): void {
    const list = `revocation list ${issuer} #${number}`
    const until = new Date(nextUpdate).toISOString()
    if (outcome === 'signed') {
      this.#complaints.clear()
      this.#audit?.note({ kind: 'authority', outcome: 'done', what: { issuer, number, entries, until } })
      this.#log.write('notice', `Signed ${list}, ${entries} entries, until ${until}.`)
    } else if (outcome === 'locked' && nextUpdate - now < alarmBeforeMs) {
      this.#complain(`Error: The ${list} ends on ${until} and cannot be signed again: ${why}.`)
    }
  }

  /** The same complaint once. */
  #complain(line: string): void {
    if (this.#complaints.has(line)) return
    this.#complaints.add(line)
    this.#audit?.note({ kind: 'authority', outcome: 'failed', what: { error: line } })
    this.#log.write('error', line)
  }
}

async function listen(
  engine: CertificateEngine,
  { port, address }: { readonly port: number; readonly address: string },
  log: Log,
): Promise<PublicListener> {
  const [{ openPublicListener }, { PublicService }] = await Promise.all([
    import('../pki/public-listener.ts'),
    import('../pki/public-service.ts'),
  ])
  const place = `port ${port} of ${escapeText(address)}`
  try {
    const listener = await openPublicListener({ port, host: address }, new PublicService(engine), wallClock)
    log.write('information', `Opening revocation list and OCSP listen socket on ${place}.`)
    return listener
  } catch (cause) {
    throw new CertificateServiceError(place, cause)
  }
}

/** @throws what is neither ours to tell nor the operating system's */
function faultOf(error: unknown): string {
  if (!(error instanceof AppError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error
  return escapeText((error as Error).message, 1000)
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}
