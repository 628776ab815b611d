// Passwords and access rules for a broker library that leaves both to its user: what such a user would write, with the
// meaning of Mosquitto's files.

import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(pbkdf2)

/** Users and their salted hashes, from lines `user:$7$iterations$salt$hash`. */
export class Passwords {
  readonly #hashes = new Map<string, { iterations: number; salt: Buffer; hash: Buffer }>()

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, user, iterations, salt, hash] = /^([^:]+):\$7\$(\d+)\$([^$]+)\$([^$]+)$/.exec(line) ?? []
      if (user === undefined || salt === undefined || hash === undefined) continue
      const [saltBytes, hashBytes] = [Buffer.from(salt, 'base64'), Buffer.from(hash, 'base64')]
      this.#hashes.set(user, { iterations: Number(iterations), salt: saltBytes, hash: hashBytes })
    }
  }

  async verify(user: string, password: Buffer): Promise<boolean> {
    const known = this.#hashes.get(user)
    if (known === undefined) return false
    const hash = await derive(password, known.salt, known.iterations, known.hash.length, 'sha512')
    return timingSafeEqual(hash, known.hash)
  }
}

export type AccessKind = 'read' | 'write'

interface Rule {
  readonly allows: 'read' | 'write' | 'readwrite' | 'deny'
  readonly levels: readonly string[]
}

/** The rules of an ACL file: a denial among the user's own decides, then any that grants, then the patterns. */
export class AccessRules {
  readonly #ofUser = new Map<string, Rule[]>()
  readonly #patterns: Rule[] = []

  constructor(text: string) {
    let own: Rule[] = []
    for (const line of text.split('\n')) {
      const [, keyword, rest = ''] = /^(user|topic|pattern) (.*)$/.exec(line) ?? []
      if (keyword === 'user') {
        own = this.#ofUser.get(rest) ?? []
        this.#ofUser.set(rest, own)
      } else if (keyword !== undefined) (keyword === 'topic' ? own : this.#patterns).push(ruleOf(rest))
    }
  }

  permits(user: string, clientId: string, topicName: string, kind: AccessKind): boolean {
    const name = topicName.split('/')
    const own = this.#ofUser.get(user) ?? []
    if (own.some(rule => rule.allows === 'deny' && matches(rule.levels, name))) return false
    if (own.some(rule => grants(rule, kind) && matches(rule.levels, name))) return true
    return this.#patterns.some(rule => grants(rule, kind) && matches(filledIn(rule.levels, user, clientId), name))
  }
}

function ruleOf(text: string): Rule {
  const [, allows = 'readwrite', filter = ''] = /^(?:(readwrite|read|write|deny) )?(.*)$/.exec(text) ?? []
  return { allows: allows as Rule['allows'], levels: filter.split('/') }
}

function grants({ allows }: Rule, kind: AccessKind): boolean {
  return allows === 'readwrite' || allows === kind
}

function filledIn(levels: readonly string[], user: string, clientId: string): readonly string[] {
  return levels.map(level => level.replaceAll('%c', clientId).replaceAll('%u', user))
}

/** A wildcard at the front does not reach names that begin with `$` [MQTT-4.7.2-1]. */
function matches(filter: readonly string[], name: readonly string[]): boolean {
  if (name[0]?.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false
  for (let index = 0; index < filter.length; index += 1) {
    if (filter[index] === '#') return true
    if (index >= name.length || (filter[index] !== '+' && filter[index] !== name[index])) return false
  }
  return filter.length === name.length
}
