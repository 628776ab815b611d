// A principal as it is kept beside its sessions, so that a broker that was restarted can judge them by the rules in force: the name,
// what proved it, and the evidence that rules are compared with. No secret is among them.

import { type AuthenticationMethod, type Principal, provePrincipal } from './principal.ts'

const methods: readonly AuthenticationMethod[] = [
  'anonymous',
  'password',
  'certificate',
  'preshared-key',
  'SCRAM-SHA-256',
  'token',
]

/** @returns UTF-8, readable by `principalFrom` */
export function recordPrincipal({ username, method, evidence }: Principal): string {
  return JSON.stringify([method, evidence, ...(username === undefined ? [] : [username])])
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
  const [name, evidence, username] = fields
  const method = methods.find(candidate => candidate === name)
  if (method === undefined || evidence === undefined || (username === undefined && method !== 'anonymous'))
    return undefined
  return provePrincipal(username, method, evidence)
}

function parse(record: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(record)
    return Array.isArray(value) && value.every(field => typeof field === 'string') ? value : undefined
  } catch {
    return undefined
  }
}
