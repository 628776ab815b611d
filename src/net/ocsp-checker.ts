// Asks OCSP responders about client certificates, and remembers what they said. Nobody's handshake waits for it: a client's
// CONNECT does, for as long as `ocsp_timeout` allows.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { DerError } from '../x509/der.ts'
import { type OcspAnswer, ocspRequest, readOcspAnswer } from '../x509/ocsp.ts'
import type { ProvenCertificate } from './client-trust.ts'
import { fetchBytes, isHttpUrl } from './http-fetch.ts'

export interface OcspRules {
  /** Whether a certificate is refused of which nothing is known (`ocsp hard`). */
  readonly isHard: boolean
  /** Asked instead of the one that a certificate names (`ocsp_responder`). */
  readonly responder: string | undefined
  readonly timeoutMs: number
  /** An answer is asked for again after this time, if it does not end before. */
  readonly maxAgeMs: number
}

export interface OcspDeps {
  readonly log: Log
  wallClock(): number
  /** An answer has come that says that a certificate is revoked. */
  certificateRevoked?(): void
}

interface Remembered {
  readonly answer: OcspAnswer
  readonly until: number
}

/** Where nothing is known of somebody who is connected. */
const retryMs = 5 * 60 * 1000
const maxAnswerBytes = 64 * 1024
/** Some 200 bytes each. */
const maxAnswers = 10_000
/** At once; of further clients nothing is known until they are looked at again. */
const maxQuestions = 64

export class OcspChecker {
  readonly rules: OcspRules
  readonly #deps: OcspDeps
  /** By fingerprint; who was asked about longest ago first. */
  readonly #answers: Map<string, Remembered>
  readonly #questions = new Map<string, Promise<void>>()

  /** @param earlier whose answers still count */
  constructor(rules: OcspRules, deps: OcspDeps, earlier?: OcspChecker) {
    this.rules = rules
    this.#deps = deps
    this.#answers = earlier === undefined ? new Map() : earlier.#answers
  }

  /** What was said last; undefined when nothing is known, or not any more. */
  answer({ content }: ProvenCertificate): OcspAnswer | undefined {
    const known = this.#answers.get(content.identity.fingerprint)
    if (known === undefined) return undefined
    // Once revoked, always: it takes an answer to say otherwise.
    if (known.answer.status === 'revoked') return known.answer
    const { nextUpdate } = known.answer
    return nextUpdate !== undefined && this.#deps.wallClock() > nextUpdate ? undefined : known.answer
  }

  /** How long after a look at somebody who is connected the next one is worth it. */
  askAgainMs(certificate: ProvenCertificate): number {
    const { maxAgeMs } = this.rules
    return this.answer(certificate) === undefined ? Math.min(retryMs, maxAgeMs) : maxAgeMs
  }

  /** @returns resolved when there is an answer, or none can be had; undefined when nothing has to be asked now */
  ask(certificate: ProvenCertificate): Promise<void> | undefined {
    const { fingerprint } = certificate.content.identity
    const known = this.#answers.get(fingerprint)
    if (known !== undefined && this.#deps.wallClock() < known.until) return undefined
    const asked = this.#questions.get(fingerprint)
    if (asked !== undefined) return asked
    const url = this.rules.responder ?? certificate.content.responder
    if (url === undefined || !isHttpUrl(url) || this.#questions.size >= maxQuestions) return undefined
    const question = this.#ask(certificate, url).finally(() => this.#questions.delete(fingerprint))
    this.#questions.set(fingerprint, question)
    return question
  }

  async #ask(certificate: ProvenCertificate, url: string): Promise<void> {
    const { content, issuer } = certificate
    try {
      const bytes = await ocspRequest(content.serial, issuer)
      const limits = { timeoutMs: this.rules.timeoutMs, maxBytes: maxAnswerBytes }
      const der = await fetchBytes(url, limits, { type: 'application/ocsp-request', bytes })
      const now = this.#deps.wallClock()
      this.#remember(certificate, await readOcspAnswer(der, content.serial, issuer, now), now)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const whose = `subject '${escapeText(content.identity.subject)}', serial ${escapeText(content.identity.serialNumber)}`
      this.#deps.log.write('warning', `Warning: No OCSP answer about ${whose}: ${error.message}.`)
    }
  }

  #remember({ content }: ProvenCertificate, answer: OcspAnswer, now: number): void {
    const { fingerprint } = content.identity
    const known = this.#answers.get(fingerprint)
    // Whoever is on the way may keep one from better days, and has time until it ends.
    if (known !== undefined && answer.thisUpdate < known.answer.thisUpdate) {
      throw new DerError('it is older than what was answered before')
    }
    const until = Math.min(now + this.rules.maxAgeMs, answer.nextUpdate ?? Number.POSITIVE_INFINITY)
    this.#answers.delete(fingerprint)
    this.#answers.set(fingerprint, { answer, until })
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > maxAnswers && oldest !== undefined) this.#answers.delete(oldest)
    if (answer.status === 'revoked') this.#deps.certificateRevoked?.()
  }
}
