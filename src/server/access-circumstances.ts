// What a listener makes of a client before its rules are asked: the name, roles and groups that its certificate gives, whether a ban
// keeps it out, and which QoS it may use. For whoever asks why; who comes is judged by the realm and the steps of CONNECT.

import type { X509Certificate } from 'node:crypto'
import { namesGiven } from '../auth/certificate-grants.ts'
import type { AccessQuestion, SpeakingRule } from '../auth/explanation.ts'
import type { Candidate } from '../auth/realm.ts'
import type { Ban, Banned } from '../control/ban-list.ts'
import { type CertificateIdentity, readCertificateIdentity } from '../x509/certificate-identity.ts'
import { certificateName, isDeceptive } from '../x509/certificate-name.ts'
import type { ListenerSettings } from './options.ts'
import { certificateMapping } from './rule-sources.ts'

/** How somebody comes, beside the name; what is left out is not asked about. */
export interface Circumstances {
  /** As the client would show it; whether anybody trusts it is not asked. */
  readonly certificate?: X509Certificate | undefined
  /** Textual IP address: asks whether a ban keeps the client out. */
  readonly address?: string | undefined
  /** Of what is published, or of the subscription: 0, 1 or 2. */
  readonly qos?: number | undefined
}

/** Finds the ban that keeps somebody out. */
export type FindBan = (who: Banned) => Ban | undefined

/** As the listener knows the client, what it refuses by itself, and what is good to know. */
export interface Received {
  readonly candidate: Candidate
  readonly refusals: readonly SpeakingRule[]
  readonly notes: readonly string[]
}

/**
 * @param settings undefined for rules without a listener: all that is known of the certificate then is for `%{cert.…}`
 * @param findBan undefined where nobody can be banned
 */
export function received(
  settings: ListenerSettings | undefined,
  findBan: FindBan | undefined,
  {
    candidate,
    clientId,
    question,
    certificate,
    address,
    qos,
  }: Circumstances & {
    readonly candidate: Candidate
    readonly clientId: string
    readonly question: AccessQuestion
  },
): Received {
  const shown = certificate === undefined ? unshown(candidate) : byCertificate(settings, candidate, certificate)
  const { username } = shown.candidate
  const ban = address === undefined ? undefined : findBan?.({ clientId, username, address })
  const most = settings?.max_qos ?? 2
  return {
    candidate: shown.candidate,
    refusals: [
      ...(ban === undefined ? [] : [banRule(ban)]),
      ...shown.refusals,
      ...(qos === undefined ? [] : qosRefusals(question, qos, most)),
    ],
    notes: [...shown.notes, ...(qos === undefined ? [] : qosNotes(question, qos, most))],
  }
}

/** The name, roles and groups that the realm of the listener would prove. */
function byCertificate(settings: ListenerSettings | undefined, candidate: Candidate, x509: X509Certificate): Received {
  const identity = readCertificateIdentity(x509)
  if (settings === undefined) return unshown({ ...candidate, certificate: { identity } })
  const mapping = certificateMapping(settings)
  if (mapping === 'proxied-common-name') return named(candidate, identity.commonName, 'cn')
  const { certfile, require_certificate, request_certificate } = settings
  if (certfile === undefined || !(require_certificate || request_certificate)) {
    return { ...unshown(candidate), notes: ['the listener asks nobody for a certificate: it is not looked at'] }
  }
  const holder = {
    ...candidate,
    certificate: { identity },
    roles: [...candidate.roles, ...namesGiven(settings.certificate_role, identity)],
    groups: [...candidate.groups, ...namesGiven(settings.certificate_group, identity)],
  }
  if (mapping === 'none' || mapping === 'preshared-key') return matched(settings, holder, identity)
  return named(holder, certificateName(identity, mapping), mapping === 'common-name' ? 'cn' : mapping)
}

/** Where the certificate is the client's name (features C5, C6), whatever it says. */
function named(candidate: Candidate, name: string | undefined, field: string): Received {
  const holder = { ...candidate, username: name }
  const refusals = name === undefined || name === '' ? [refusal(`client certificate without ${field}`)] : []
  if (name !== undefined && isDeceptive(name)) {
    refusals.push(refusal(`client certificate with invisible characters in its ${field}`))
  }
  const whose = refusals.length === 0 ? [`by this certificate (${field}) the user name is '${name}'`] : []
  return { candidate: holder, refusals, notes: [...whose, ...givenNotes(holder)] }
}

/** Where the client says its name itself, and it may have to be the one in the certificate (features C7). */
function matched(settings: ListenerSettings, holder: Candidate, identity: CertificateIdentity): Received {
  const { certificate_username_match: field } = settings
  const isOther =
    field !== undefined && (holder.username === undefined || certificateName(identity, field) !== holder.username)
  const refusals = isOther ? [refusal('certificate_username_match: the certificate is of another user')] : []
  return { candidate: holder, refusals, notes: givenNotes(holder) }
}

function givenNotes({ roles, groups }: Candidate): readonly string[] {
  const given = [...roles.map(name => `role '${name}'`), ...groups.map(name => `group '${name}'`)]
  return given.length === 0 ? [] : [`by this certificate: ${given.join(', ')}`]
}

function unshown(candidate: Candidate): Received {
  return { candidate, refusals: [], notes: [] }
}

function banRule({ kind, value, until, reason }: Ban): SpeakingRule {
  const end = until === undefined ? undefined : new Date(until).toISOString()
  const why = reason === undefined ? '' : `: ${reason}`
  const text = `the ${kind} '${value}' is banned${end === undefined ? '' : ` until ${end}`}${why}`
  return { allows: false, text, details: { ban: kind, value, until: end, reason } }
}

function qosRefusals({ action, isWill }: AccessQuestion, qos: number, most: number): readonly SpeakingRule[] {
  if (action !== 'publish' || qos <= most) return []
  const what = isWill ? `a CONNECT with a will at QoS ${qos} is refused` : `who publishes at QoS ${qos} is disconnected`
  return [{ ...refusal(`max_qos ${most} of the listener: ${what}`), details: { max_qos: most } }]
}

function qosNotes({ action }: AccessQuestion, qos: number, most: number): readonly string[] {
  return action === 'subscribe' ? [`where it is allowed, QoS ${Math.min(qos, most)} is granted`] : []
}

function refusal(text: string): SpeakingRule {
  return { allows: false, text, details: {} }
}
