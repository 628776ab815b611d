// A principal as it is kept beside its sessions, so that a broker that was restarted can judge them by the rules in force: the name,
// what proved it, the evidence that rules are compared with, and what came with the proof. No secret is among them.

import { type AuthenticationMethod, type Given, type Principal, provePrincipal } from './principal.ts'

const methods: readonly AuthenticationMethod[] = [
  'anonymous',
  'password',
  'certificate',
  'preshared-key',
  'SCRAM-SHA-256',
  'token',
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
function recordGiven({ roles, groups }: Given): Partial<Given> | undefined {
  if (roles.length === 0 && groups.length === 0) return undefined
  return { ...(roles.length > 0 && { roles }), ...(groups.length > 0 && { groups }) }
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
  if (username === null)
    return method === 'anonymous' ? provePrincipal(undefined, method, evidence, details) : undefined
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
  if (typeof value !== 'object' || value === null) return undefined
  const { roles = [], groups = [] } = value as { readonly roles?: unknown; readonly groups?: unknown }
  return areNames(roles) && areNames(groups) ? { roles, groups } : undefined
}

function areNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(name => typeof name === 'string')
}
