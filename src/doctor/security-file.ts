// A file of dynamic security as the doctor asks it: who may control the broker, what holds for whom no rule speaks of, how
// passwords are hashed.

import type { PasswordHash } from '../auth/password-hash.ts'
import { DynamicSecurityError } from '../dynsec/errors.ts'
import type { Acl, Client, Group } from '../dynsec/model.ts'
import { readState } from '../dynsec/read-file.ts'
import type { SecurityState } from '../dynsec/state.ts'
import { guessPasswords, notAllTried, type Secret } from './password-lines.ts'

export interface SecurityClient {
  readonly name: string
  /** From 1: where its name stands. */
  readonly line: number
  readonly hash: PasswordHash | undefined
  /** Whether it is the client's own name, or in `commonPasswords`. */
  readonly isGuessed: boolean
  /** Of all its roles, those of its groups too, what they allow. */
  readonly allows: readonly Acl[]
}

export interface SecurityFacts {
  /** Types of access that everybody has whom no rule denies it. */
  readonly openByDefault: readonly string[]
  readonly clients: readonly SecurityClient[]
  /** What clients without a name are allowed by their group. */
  readonly anonymousAllows: readonly Acl[]
}

/**
 * @param note takes, in words, what was not looked at
 * @returns undefined where it is no such file
 */
export async function readSecurityFile(
  bytes: Buffer,
  path: string,
  note: (what: string) => void,
): Promise<SecurityFacts | undefined> {
  try {
    const { state } = readState(bytes, path)
    const { guessed, isDone } = await guessPasswords(state.clients.values().flatMap(secretOf))
    if (!isDone) note(notAllTried)
    return factsOf(state, bytes.toString('utf8').split('\n'), guessed)
  } catch (error) {
    if (!(error instanceof DynamicSecurityError)) throw error
    note(error.message)
    return undefined
  }
}

function secretOf({ name, password }: Client): readonly Secret[] {
  return password === undefined ? [] : [{ username: name, secret: password.hash }]
}

function factsOf(state: SecurityState, lines: readonly string[], guessed: ReadonlySet<string>): SecurityFacts {
  const { publishClientSend, subscribe } = state.defaultAccess
  return {
    openByDefault: [...(publishClientSend ? ['publishClientSend'] : []), ...(subscribe ? ['subscribe'] : [])],
    clients: state.clients.values().map(client => ({
      name: client.name,
      line:
        Math.max(
          0,
          lines.findIndex(line => line.includes(JSON.stringify(client.name))),
        ) + 1,
      hash: client.password?.hash,
      isGuessed: guessed.has(client.name),
      allows: [client, ...client.groups.keys()].flatMap(allowsOf),
    })),
    anonymousAllows: state.anonymousGroup === undefined ? [] : allowsOf(state.anonymousGroup),
  }
}

function allowsOf(holder: Client | Group): readonly Acl[] {
  return [...holder.roles.keys()].flatMap(({ acls }) => acls.filter(({ allow }) => allow))
}
