// A principal as it is kept beside its sessions, so that a broker that was restarted can judge them by the rules in force: the name,
// what proved it, the evidence that rules are compared with, and what came with the proof. No secret is among them.

import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import {
  type AuthenticationMethod,
  type Given,
  type Principal,
  provePrincipal,
  type ShownCertificate,
  type TopicGrants,
} from './principal.ts'

const methods: readonly AuthenticationMethod[] = [
  'anonymous',
  'password',
  'certificate',
  'preshared-key',
  'SCRAM-SHA-256',
  'token',
  'application',
  'bridge',
]

/** @returns UTF-8, readable by `principalFrom` */
export function recordPrincipal(principal: Principal): string {
  const { username, method, evidence } = principal
  const given = recordGiven(principal)
  const name = username === undefined ? [] : [username]
  // The short form is what brokers from before wrote, who gave nothing.
  return JSON.stringify(given === undefined ? [method, evidence, ...name] : [method, evidence, username ?? null, given])
}

/** @returns undefined where nothing came with the proof */
function recordGiven({ roles, groups, topics, certificate }: Given): Partial<Given> | undefined {
  const given = {
    ...(roles.length > 0 && { roles }),
    ...(groups.length > 0 && { groups }),
    ...(topics !== undefined && { topics }),
    ...(certificate !== undefined && { certificate }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}

/**
 * A principal that was proven by an earlier run of the broker. Whether it is still let in is for the realm to say.
 *
 * @param record from a store that nobody else can write
 * @returns undefined for anything that `recordPrincipal` does not write
 */
export function principalFrom(record: string): Principal | undefined {
  const fields = parse(record)
  if (fields === undefined) return undefined
  const [name, evidence, username = null, given = {}] = fields
  const method = methods.find(candidate => candidate === name)
  const details = parseGiven(given)
  if (method === undefined || details === undefined || typeof evidence !== 'string') return undefined
  if (username === null) {
    const mayBeNameless = method === 'anonymous' || method === 'application' || method === 'bridge'
    return mayBeNameless ? provePrincipal(undefined, method, evidence, details) : undefined
  }
  return typeof username === 'string' ? provePrincipal(username, method, evidence, details) : undefined
}

function parse(record: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(record)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function parseGiven(value: unknown): Given | undefined {
  if (!isRecord(value)) return undefined
  const { roles = [], groups = [], topics, certificate } = value
  if (!areTexts(roles) || !areTexts(groups)) return undefined
  if (topics !== undefined && !areTopics(topics)) return undefined
  if (certificate !== undefined && !isCertificate(certificate)) return undefined
  return { roles, groups, topics, certificate }
}

function areTopics(value: unknown): value is TopicGrants {
  return isRecord(value) && areTexts(value['publish']) && areTexts(value['subscribe'])
}

function isCertificate(value: unknown): value is ShownCertificate {
  return isRecord(value) && areTexts(value['roles']) && areTexts(value['groups']) && isIdentity(value['identity'])
}

const texts = [
  'subject',
  'printedSubject',
  'alternativeNames',
  'issuer',
  'printedIssuer',
  'serialNumber',
  'fingerprint',
] as const satisfies readonly (keyof CertificateIdentity)[]

function isIdentity(value: unknown): value is CertificateIdentity {
  if (!isRecord(value) || !texts.every(name => typeof value[name] === 'string')) return false
  const { commonName, notBefore, notAfter } = value
  const isNamed = commonName === undefined || typeof commonName === 'string'
  return isNamed && typeof notBefore === 'number' && typeof notAfter === 'number'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string')
}
