// Asks a running broker what it shows to strangers: one connection at a time, each for a few seconds at most.

import { wallClock } from '../base/clock.ts'
import { UnreachableError } from '../client/errors.ts'
import { openStream, type Target } from '../client/target.ts'
import type { ProtocolVersion } from '../mqtt/packet.ts'
import { isLoopback } from './configuration.ts'
import type { AnonymousAnswer, Endpoint, TlsAnswer } from './endpoint.ts'
import type { Problem } from './finding.ts'
import { closed, probeLogin } from './login-probe.ts'
import { probeTls } from './tls-probe.ts'

/** Milliseconds for one connection and all that is asked over it. */
const connectionMs = 10_000

export interface ProbeTarget {
  /** As it was given. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** PEM of the authorities to trust; those of this machine where there are none. */
  readonly ca: Buffer | undefined
}

export interface Probed {
  readonly endpoint: Endpoint
  readonly seen: readonly (readonly [what: string, value: string])[]
  /** What could not be seen. */
  readonly problems: readonly Problem[]
}

/** @throws UnreachableError when no connection comes about */
export async function probeBroker(target: ProbeTarget): Promise<Probed> {
  const place = { file: target.url }
  // Whether anybody is there is known after one connection, not after seven.
  const first = await openStream({ host: target.host, port: target.port }, newDeadline())
  first.destroy()
  const tls = target.isTls ? await probeTls(target, place, newDeadline) : undefined
  const anonymous = await login(target, 4)
  const modern = await login(target, 5)
  const endpoint = {
    now: wallClock(),
    place,
    isLocal: isLoopback(target.host),
    isTls: target.isTls,
    tls,
    anonymous: stricter(anonymous, modern),
  }
  return {
    endpoint,
    seen: [...seenOfTls(tls), ...seenOfLogin('MQTT 3.1.1', anonymous), ...seenOfLogin('MQTT 5', modern)],
    problems:
      [anonymous, modern].every(isSilence) && tls?.asksForCertificate !== true ? [{ place, message: silence }] : [],
  }
}

/** A score of what says nothing is none of a broker. */
const silence = 'no CONNECT was answered: whether it is a broker at all, or wants a certificate first, was not seen'

function isSilence(answer: AnonymousAnswer | undefined): boolean {
  return answer === undefined || answer.answer === closed
}

function newDeadline(): AbortSignal {
  return AbortSignal.timeout(connectionMs)
}

/** @returns undefined where the connection ended before the broker could answer */
async function login(target: ProbeTarget, version: ProtocolVersion): Promise<AnonymousAnswer | undefined> {
  try {
    return await probeLogin(wayTo(target), version, newDeadline())
  } catch (error) {
    if (error instanceof UnreachableError) return undefined
    throw error
  }
}

/** Nothing secret is sent, so that it does not matter here whose certificate it is. */
function wayTo({ host, port, isTls }: ProbeTarget): Target {
  const tls = { rejectUnauthorized: false, checkServerIdentity: () => undefined }
  return { host, port, ...(isTls && { tls }) }
}

/** The answer that tells more: who gets in by either version gets in. */
function stricter(one: AnonymousAnswer | undefined, other: AnonymousAnswer | undefined): AnonymousAnswer | undefined {
  if (one?.isAccepted !== true) return other ?? one
  if (other?.isAccepted !== true) return one
  return { ...one, granted: [...new Set([...one.granted, ...other.granted])] }
}

function seenOfLogin(version: string, answer: AnonymousAnswer | undefined): readonly (readonly [string, string])[] {
  return [[`${version}, a CONNECT without a name`, answer?.answer ?? closed]]
}

function seenOfTls(tls: TlsAnswer | undefined): readonly (readonly [string, string])[] {
  if (tls === undefined) return []
  const asks = tls.asksForCertificate === undefined ? 'cannot be seen' : tls.asksForCertificate ? 'yes' : 'no'
  return [
    ['TLS versions', tls.versions.join(', ') || 'none of those that were asked for'],
    ['chain', tls.chain.map(({ subject }) => subject).join(' <- ')],
    ['trusted here', tls.trustFault === undefined ? 'yes' : `no: ${tls.trustFault}`],
    ['certificate for this host', tls.chain.length > 0 && tls.nameFault === undefined ? 'yes' : 'no'],
    ['OCSP answer stapled', tls.hasStaple ? 'yes' : 'no'],
    ['asks for a client certificate', asks],
  ]
}
