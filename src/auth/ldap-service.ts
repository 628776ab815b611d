// Users of an LDAP server: the password is right when the server takes it for a bind as the user (RFC 4513 §5.1.3), and groups
// of the user give roles of dynamic security.

import { createHash } from 'node:crypto'
import type { ExternalAnswer, ExternalQuestion, ExternalService } from './external-service.ts'
import type { LdapConnection, LdapConnector, LdapEntry } from './ldap-connection.ts'
import { comparableDn, escapeDnValue, escapeFilterValue, fillTemplate, longestLdapName } from './ldap-names.ts'

/** Most groups of one user. */
export const mostLdapGroups = 256

export interface GroupRole {
  readonly role: string
  /** Distinguished name. */
  readonly group: string
}

/** Where a user's entry is: by a template, or found below a base. */
export type UserPlace =
  | { readonly kind: 'template'; readonly dn: string }
  | { readonly kind: 'base'; readonly base: string }

export interface LdapRules {
  readonly url: string
  readonly user: UserPlace
  /** What has the name of the user, letter by letter: to LDAP `Alice` and `alice` are one, to the broker they are two. */
  readonly userAttribute: string
  /** What else has to be true of a user's entry. */
  readonly userFilter: string
  /** Who looks entries up; without it nobody does, and a user's groups are what the user itself can see. */
  readonly account: { readonly dn: string; readonly password: string } | undefined
  /** undefined without groups. */
  readonly groups: { readonly base: string; readonly filter: string; readonly roles: readonly GroupRole[] } | undefined
  /** For a question with all that belongs to it, connecting included. */
  readonly timeoutMs: number
}

export function createLdapService(rules: LdapRules, connect: LdapConnector): ExternalService {
  return new LdapService(rules, connect)
}

class LdapService implements ExternalService {
  readonly name = 'ldap'
  readonly fingerprint: string
  readonly renews: boolean
  readonly #rules: LdapRules
  readonly #connect: LdapConnector

  constructor(rules: LdapRules, connect: LdapConnector) {
    this.#rules = rules
    this.#connect = connect
    this.renews = rules.account !== undefined
    const { url, user, userAttribute } = rules
    this.fingerprint = createHash('sha256')
      .update(JSON.stringify([url, user, userAttribute]))
      .digest('base64url')
  }

  async ask(question: ExternalQuestion): Promise<ExternalAnswer> {
    const { action, username, password = '' } = question
    // A bind with an empty password is none, and succeeds (RFC 4513 §5.1.2).
    if (action === 'connect' && password === '') return { kind: 'deny', rule: 'an empty password' }
    if (username.length > longestLdapName) return { kind: 'defer', rule: 'no such user' }
    return this.#withConnection(connection => this.#judge(connection, question, password))
  }

  /** In time or not at all; the connection ends with the question. */
  async #withConnection<T>(work: (connection: LdapConnection) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#rules
    const signal = AbortSignal.timeout(timeoutMs)
    const { promise: late, reject } = Promise.withResolvers<never>()
    const end = () => reject(new Error(`no answer within ${timeoutMs} ms`))
    signal.addEventListener('abort', end, { once: true })
    const connecting = this.#connect()
    try {
      return await Promise.race([connecting.then(work), late])
    } finally {
      signal.removeEventListener('abort', end)
      connecting.then(
        connection => connection.close(),
        () => {},
      )
    }
  }

  #judge(connection: LdapConnection, question: ExternalQuestion, password: string): Promise<ExternalAnswer> {
    const { account, user } = this.#rules
    if (account !== undefined) return this.#byAccount(connection, account, question, password)
    if (user.kind === 'base') throw new Error('nobody looks users up: there is no ldap_bind_dn')
    return this.#byUser(connection, user.dn, question.username, password)
  }

  async #byAccount(
    connection: LdapConnection,
    account: NonNullable<LdapRules['account']>,
    { action, username }: ExternalQuestion,
    password: string,
  ): Promise<ExternalAnswer> {
    if (!(await connection.bind(account.dn, account.password))) throw new Error('ldap_bind_dn is not let in')
    const found = await this.#find(connection, username)
    if (found === 'nobody') return { kind: 'defer', rule: 'no such user' }
    if (found === 'several') return { kind: 'deny', rule: 'several entries have this name' }
    const roles = await this.#roles(connection, username, found.dn)
    if (action === 'connect' && !(await connection.bind(found.dn, password))) return wrongPassword
    return allow(roles)
  }

  async #byUser(
    connection: LdapConnection,
    template: string,
    username: string,
    password: string,
  ): Promise<ExternalAnswer> {
    const dn = fillTemplate(template, { u: escapeDnValue(username) })
    if (!(await connection.bind(dn, password))) return wrongPassword
    const found = await this.#find(connection, username)
    if (typeof found === 'string')
      return { kind: 'deny', rule: 'the entry of the user has another name, or is no user' }
    return allow(await this.#roles(connection, username, dn))
  }

  /** `nobody` also for a name that is spelt otherwise. */
  async #find(connection: LdapConnection, username: string): Promise<LdapEntry | 'nobody' | 'several'> {
    const { user, userAttribute: attribute, userFilter } = this.#rules
    const filter = `(&(${attribute}=${escapeFilterValue(username)})${userFilter})`
    const place =
      user.kind === 'base'
        ? ({ base: user.base, scope: 'sub' } as const)
        : ({ base: fillTemplate(user.dn, { u: escapeDnValue(username) }), scope: 'base' } as const)
    const [entry, another] = await connection.search({ ...place, filter, attribute })
    if (another !== undefined) return 'several'
    return entry?.values.includes(username) === true ? entry : 'nobody'
  }

  /** In the order of `ldap_group_role`. */
  async #roles(connection: LdapConnection, username: string, dn: string): Promise<readonly string[]> {
    const { groups } = this.#rules
    if (groups === undefined) return []
    const filter = fillTemplate(groups.filter, { u: escapeFilterValue(username), d: escapeFilterValue(dn) })
    const found = await connection.search({ base: groups.base, scope: 'sub', filter })
    if (found.length >= mostLdapGroups) throw new Error(`the user has ${mostLdapGroups} groups or more`)
    const names = new Set(found.map(({ dn: group }) => comparableDn(group)))
    return [...new Set(groups.roles.filter(({ group }) => names.has(comparableDn(group))).map(({ role }) => role))]
  }
}

const wrongPassword: ExternalAnswer = { kind: 'deny', rule: 'unknown user or wrong password' }

function allow(roles: readonly string[]): ExternalAnswer {
  return { kind: 'allow', rights: { roles, groups: [], topics: undefined }, lifetimeMs: undefined }
}
