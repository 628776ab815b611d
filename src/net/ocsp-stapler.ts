// The OCSP answer about the broker's own certificate that clients get with the handshake (RFC 6066 §8): asked for ahead of
// time, checked as if it were about a client, and left out when there is none that counts.

import { X509Certificate } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { Issuer } from '../x509/issuer.ts'
import { ocspRequest, readOcspAnswer } from '../x509/ocsp.ts'
import { serialBytes } from '../x509/serial-table.ts'
import { responderOf } from './certificate-cache.ts'
import { ListenerError } from './errors.ts'
import { fetchBytes } from './http-fetch.ts'

const limits = { timeoutMs: 10_000, maxBytes: 64 * 1024 }
/** After a failure, and at most, in milliseconds. */
const retryMs = 60_000
const longestMs = 60 * 60 * 1000

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

interface Staple {
  readonly der: Buffer
  readonly end: number
}

export class OcspStapler {
  readonly #log: Log
  readonly #serial: Uint8Array
  readonly #issuer: Issuer
  readonly #url: string
  #staple: Staple | undefined
  #nextAsk = Number.NEGATIVE_INFINITY

  /**
   * @param chain PEM of `certfile`: the certificate, then its issuer
   * @throws ListenerError when it names no responder, or has no issuer behind it
   */
  constructor(chain: string, log: Log) {
    const [own, ...others] = (chain.match(certificateBlock) ?? []).map(pem => new X509Certificate(pem))
    const issuer = others.find(other => own?.checkIssued(other) === true && own.verify(other.publicKey))
    const url = own && responderOf(own)
    if (own === undefined || issuer === undefined || url === undefined) {
      const hint =
        issuer === undefined ? 'certfile has no certificate of its issuer' : 'its certificate names no responder'
      throw new ListenerError('ERR_NET_TLS_SETTINGS', 'Error: ocsp_stapling is not possible.', hint)
    }
    this.#log = log
    this.#serial = serialBytes(own.serialNumber)
    this.#issuer = new Issuer(issuer, true, undefined)
    this.#url = url
  }

  /** @param now milliseconds since the epoch */
  staple(now: number): Buffer | undefined {
    return this.#staple !== undefined && now < this.#staple.end ? this.#staple.der : undefined
  }

  /** Asks when it is time. */
  advance(now: number): void {
    if (now < this.#nextAsk) return
    this.#nextAsk = now + retryMs
    void this.#ask(now)
  }

  async #ask(now: number): Promise<void> {
    try {
      const bytes = await ocspRequest(this.#serial, this.#issuer)
      const der = await fetchBytes(this.#url, limits, { type: 'application/ocsp-request', bytes })
      const { status, nextUpdate = now + longestMs } = await readOcspAnswer(der, this.#serial, this.#issuer, now)
      if (status !== 'good') this.#log.write('error', `Error: By OCSP the certificate of the broker is ${status}.`)
      this.#staple = { der, end: nextUpdate }
      this.#nextAsk = now + Math.min(longestMs, Math.max(retryMs, (nextUpdate - now) / 2))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const where = escapeText(this.#url)
      this.#log.write(
        'warning',
        `Warning: No OCSP answer about the certificate of the broker from ${where}: ${error.message}.`,
      )
    }
  }
}
