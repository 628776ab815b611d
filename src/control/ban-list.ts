// Who is kept out, by client id, user name or address, each until a time that is given or for good.

import { isIP } from 'node:net'
import { addressKey } from '../base/address-key.ts'
import { CommandError } from '../dynsec/errors.ts'
import { isMqttText, type JsonObject, member, textOf } from '../dynsec/json.ts'

export const banKinds = ['clientid', 'username', 'address'] as const
export type BanKind = (typeof banKinds)[number]

export interface Ban {
  readonly kind: BanKind
  /** As it was given; of an IPv6 address its /64 is meant. */
  readonly value: string
  /** Milliseconds since the epoch; undefined for good. */
  readonly until: number | undefined
  readonly reason: string | undefined
}

/** What is compared: of a client that has not sent its CONNECT the address alone is known. */
export interface Banned {
  readonly clientId: string | undefined
  readonly username: string | undefined
  readonly address: string
}

const mostBans = 100_000
/** Characters. */
const longestReason = 256

export class BanList {
  readonly #bans: Readonly<Record<BanKind, Map<string, Ban>>> = {
    clientid: new Map(),
    username: new Map(),
    address: new Map(),
  }

  /** @throws CommandError when there are as many as there may be */
  add(ban: Ban): void {
    const bans = this.#bans[ban.kind]
    const key = keyOf(ban)
    if (!bans.has(key) && banKinds.reduce((sum, kind) => sum + this.#bans[kind].size, 0) >= mostBans) {
      throw new CommandError('Too many bans')
    }
    bans.set(key, ban)
  }

  /** @returns whether there was one */
  remove(ban: Pick<Ban, 'kind' | 'value'>): boolean {
    return this.#bans[ban.kind].delete(keyOf(ban))
  }

  /** Those that hold; the others are forgotten. @param now milliseconds since the epoch */
  all(now: number): readonly Ban[] {
    for (const bans of Object.values(this.#bans)) {
      for (const [key, ban] of bans) if (isOver(ban, now)) bans.delete(key)
    }
    return banKinds.flatMap(kind => [...this.#bans[kind].values()])
  }

  /** The one on this very name or address, whether or not it holds still. */
  get(ban: Pick<Ban, 'kind' | 'value'>): Ban | undefined {
    return this.#bans[ban.kind].get(keyOf(ban))
  }

  /** The one that keeps somebody out. */
  find({ clientId, username, address }: Banned, now: number): Ban | undefined {
    const { clientid, username: names, address: addresses } = this.#bans
    const found = [
      clientId === undefined ? undefined : clientid.get(clientId),
      username === undefined ? undefined : names.get(username),
      addresses.get(addressKey(address) ?? ''),
    ]
    return found.find(ban => ban !== undefined && !isOver(ban, now))
  }
}

/** As lists and the file have it. */
export function describeBan({ kind, value, until, reason }: Ban): JsonObject {
  return { [kind]: value, until: until === undefined ? undefined : new Date(until).toISOString(), reason }
}

/**
 * Reads a ban from a command, or from the file.
 *
 * @throws CommandError
 */
export function readBan(given: JsonObject): Ban {
  const until = textOf(given, 'until')
  const reason = textOf(given, 'reason')
  const end = until === undefined ? undefined : timeOf(until)
  if (Number.isNaN(end) || (until === undefined && member(given, 'until') !== undefined)) {
    throw new CommandError('Invalid until')
  }
  const isReason = reason === undefined || (isMqttText(reason) && reason.length <= longestReason)
  if (!isReason || (reason === undefined && member(given, 'reason') !== undefined)) {
    throw new CommandError('Invalid reason')
  }
  return { ...readBanned(given), until: end, reason }
}

/** Whom it is about. @throws CommandError unless exactly one is named */
export function readBanned(given: JsonObject): Pick<Ban, 'kind' | 'value'> {
  const [kind, ...others] = banKinds.filter(known => member(given, known) !== undefined)
  const value = kind === undefined ? undefined : textOf(given, kind)
  if (kind === undefined || others.length > 0 || !value || !isMqttText(value)) {
    throw new CommandError('Invalid/missing clientid, username or address')
  }
  if (kind === 'address' && isIP(value) === 0) throw new CommandError('Invalid address')
  return { kind, value }
}

/** RFC 3339 with a zone: a time without one would be another one on each machine. */
function timeOf(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
}

function keyOf({ kind, value }: Pick<Ban, 'kind' | 'value'>): string {
  return kind === 'address' ? (addressKey(value) ?? '') : value
}

function isOver({ until }: Ban, now: number): boolean {
  return until !== undefined && until <= now
}
