// What an ACL file allows whom: its rules, sorted by whom they concern, and the order in which they are asked.

import { escapeText } from '../base/escape.ts'
import type { CertificateIdentity } from '../x509/certificate-identity.ts'
import { type AclAction, type AclRule, AclRuleTree, type PatternValues } from './acl-rule-tree.ts'
import { CertificateValues } from './certificate-variables.ts'

/** Who asks. */
export interface AclClient {
  /** undefined for an anonymous client. */
  readonly username: string | undefined
  readonly clientId: string
  /** undefined where none was shown, or none is kept. */
  readonly certificate?: CertificateIdentity | undefined
}

/** Denials and grants of one user, of the anonymous, or of the patterns. */
class RuleSet {
  readonly denials = new AclRuleTree()
  readonly grants = new AclRuleTree()

  add(rule: AclRule): void {
    if (rule.access === 'deny') this.denials.add(rule)
    else this.grants.add(rule)
  }

  get size(): number {
    return this.denials.size + this.grants.size
  }

  get asksForCertificates(): boolean {
    return this.denials.asksForCertificates || this.grants.asksForCertificates
  }
}

/** The rules of one ACL file, ready to be asked. A file without rules denies everything (features F6). */
export class AclRules {
  /** What explanations call the place where they stand. */
  readonly origin: string
  readonly #anonymous = new RuleSet()
  readonly #users = new Map<string, RuleSet>()
  readonly #patterns = new RuleSet()
  readonly #grantedVariables = { clientId: false, username: false }

  /**
   * @param list in the order of the file
   * @param origin its path, as it is
   */
  constructor(list: readonly AclRule[], origin = 'acl_file') {
    this.origin = origin
    for (const rule of list) {
      if (rule.kind === 'pattern') this.#addPattern(rule)
      else this.#setOf(rule.username).add(rule)
    }
  }

  /** Whether a pattern stands for what is in the client's certificate. */
  get asksForCertificates(): boolean {
    return this.#patterns.asksForCertificates
  }

  /** The rules as they concern one client: what is worked out once, at CONNECT. */
  subject(client: AclClient): AclSubject {
    const own = client.username === undefined ? this.#anonymous : this.#users.get(client.username)
    return new AclSubject(client, own, this.#patterns.size > 0 ? this.#patterns : undefined, this.#grantedVariables)
  }

  /** What clients without a username are granted by a line above the first user line, and nobody else (features F2). */
  anonymousGrant(action: AclAction, topicName: string): AclRule | undefined {
    const denial = this.#anonymous.denials.find(action, topicName, undefined, 0)
    return denial === undefined ? this.#anonymous.grants.find(action, topicName, undefined, 0) : undefined
  }

  #addPattern(rule: AclRule): void {
    this.#patterns.add(rule)
    if (rule.access === 'deny') return
    const levels = rule.topicFilter.split('/')
    if (levels.includes('%c')) this.#grantedVariables.clientId = true
    if (levels.includes('%u')) this.#grantedVariables.username = true
  }

  #setOf(username: string | undefined): RuleSet {
    if (username === undefined) return this.#anonymous
    let own = this.#users.get(username)
    if (own === undefined) {
      own = new RuleSet()
      this.#users.set(username, own)
    }
    return own
  }
}

/** Denials of the client's own, its own grants, denying patterns, granting patterns: asked in this order. */
const stages = 4

/** One client before the rules; made by `AclRules.subject`. */
export class AclSubject {
  /** The line to log when nothing was granted, because pattern rules were kept from this client (features F5). */
  readonly refusal: string | undefined
  readonly #own: RuleSet | undefined
  /** undefined when there are none, or when this client's name would work as a wildcard in them. */
  readonly #patterns: RuleSet | undefined
  readonly #denied: PatternValues
  readonly #granted: PatternValues

  constructor(
    client: AclClient,
    own: RuleSet | undefined,
    patterns: RuleSet | undefined,
    grantedVariables: { readonly clientId: boolean; readonly username: boolean },
  ) {
    const { username, clientId } = client
    const wildcard = patterns === undefined ? undefined : firstWith(isWildcard, username, clientId)
    this.#own = own
    this.#patterns = wildcard === undefined ? patterns : undefined
    // A name with a `/` would reach levels that the pattern's author did not name: no grant takes it, yet denials do,
    // as widely as Mosquitto would, so that nobody escapes one by the choice of a name.
    const certificate = patterns?.asksForCertificates === true ? client.certificate : undefined
    this.#denied = { username, clientId, certificate: certificate && new CertificateValues(certificate, () => true) }
    this.#granted = {
      username: username !== undefined && spansLevels(username) ? undefined : username,
      clientId: spansLevels(clientId) ? undefined : clientId,
      certificate: certificate && new CertificateValues(certificate, fitsInLevel),
    }
    const spanning = firstWith(
      spansLevels,
      grantedVariables.username ? username : undefined,
      grantedVariables.clientId ? clientId : undefined,
    )
    this.refusal = wildcard ?? spanning
  }

  /** How many rules concern the client. */
  get size(): number {
    return (this.#own?.size ?? 0) + (this.#patterns?.size ?? 0)
  }

  /** The rule that decides; undefined, nothing granted, is a denial too. */
  decidingRule(action: AclAction, topicName: string): AclRule | undefined {
    for (let stage = 0; stage < stages; stage++) {
      const rule = this.#find(stage, action, topicName, 0)
      if (rule !== undefined) return rule
    }
    return undefined
  }

  /**
   * All rules that match, in the order in which they are asked: the first is the one that decides, and each decides where those before
   * it are taken away.
   *
   * @param most of which no more are looked for
   */
  matchingRules(action: AclAction, topicName: string, most: number): readonly AclRule[] {
    const rules: AclRule[] = []
    for (let stage = 0; stage < stages; stage++) {
      let rule = this.#find(stage, action, topicName, 0)
      while (rule !== undefined && rules.length < most) {
        rules.push(rule)
        rule = this.#find(stage, action, topicName, rule.line)
      }
    }
    return rules
  }

  #find(stage: number, action: AclAction, topicName: string, after: number): AclRule | undefined {
    switch (stage) {
      case 0:
        return this.#own?.denials.find(action, topicName, undefined, after)
      case 1:
        return this.#own?.grants.find(action, topicName, undefined, after)
      case 2:
        return this.#patterns?.denials.find(action, topicName, this.#denied, after)
      default:
        return this.#patterns?.grants.find(action, topicName, this.#granted, after)
    }
  }
}

/** Whether the deciding rule lets the client through; no rule does not. */
export function isGrant(rule: AclRule | undefined): boolean {
  return rule !== undefined && rule.access !== 'deny'
}

function isWildcard(name: string): boolean {
  return name.includes('+') || name.includes('#')
}

/** Of a certificate, other values keep from the client the patterns that use them, and no more. */
function fitsInLevel(value: string): boolean {
  return !isWildcard(value) && !spansLevels(value)
}

function spansLevels(name: string): boolean {
  return name.includes('/')
}

/** Mosquitto's line about the first of the two names that is dangerous. */
function firstWith(
  isDangerous: (name: string) => boolean,
  username: string | undefined,
  clientId: string | undefined,
): string | undefined {
  if (username !== undefined && isDangerous(username)) {
    return `ACL denying access to client with dangerous username "${escapeText(username)}"`
  }
  if (clientId !== undefined && isDangerous(clientId)) {
    return `ACL denying access to client with dangerous client id "${escapeText(clientId)}"`
  }
  return undefined
}
