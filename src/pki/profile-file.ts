// The profiles of one authority: those of the program, and what its profiles.json adds or makes narrower. Never wider: a purpose, an
// issuer and the longest life are the program's to say.

import { existsSync } from 'node:fs'
import { escapeText } from '../base/escape.ts'
import type { CaFiles } from './ca-directory.ts'
import { PkiFileError } from './errors.ts'
import { readWhole } from './files.ts'
import { type KeyType, keyTypes } from './private-key.ts'
import { type LeafProfile, openProfileNames, type ProfileName, profiles } from './profiles.ts'

export type Profiles = ReadonlyMap<string, LeafProfile>

const maxFileBytes = 64 * 1024
const maxProfiles = 100
const members: readonly string[] = ['like', 'lifetimeDays', 'maxLifetimeDays', 'keyType', 'overlap']

/** @throws PkiFileError naming the profile and what would be right */
export function readProfiles(files: Pick<CaFiles, 'profiles'>): Profiles {
  const all = new Map<string, LeafProfile>(Object.entries(profiles))
  if (!existsSync(files.profiles)) return all
  const own = parse(files.profiles)
  const names = Object.keys(own)
  if (names.length > maxProfiles) throw fault(files.profiles, `has ${names.length} profiles, at most ${maxProfiles}`)
  for (const name of names) all.set(name, narrowed(files.profiles, name, own[name]))
  return all
}

function parse(path: string): Record<string, unknown> {
  const text = readWhole(path, maxFileBytes).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw fault(path, 'is not JSON')
  }
  if (!isObject(value) || value['version'] !== 1 || !isObject(value['profiles'])) {
    throw fault(path, 'is not like {"version": 1, "profiles": {"sensor": {"like": "device", "lifetimeDays": 30}}}')
  }
  return value['profiles']
}

function narrowed(path: string, name: string, value: unknown): LeafProfile {
  const shown = `profile '${escapeText(name, 40)}'`
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name) || name === 'ocsp')
    throw fault(path, `${shown}: a name is of a-z, 0-9 and -, and not 'ocsp'`)
  if (!isObject(value)) throw fault(path, `${shown} is no object`)
  const strange = Object.keys(value).find(key => !members.includes(key))
  if (strange !== undefined)
    throw fault(path, `${shown} has '${escapeText(strange, 40)}'; it may have ${members.join(', ')}`)
  const like = openProfileNames.find(known => known === value['like'])
  if (like === undefined) throw fault(path, `${shown}: like is one of ${openProfileNames.join(', ')}`)
  return {
    ...profiles[like],
    ...lifeOf(path, shown, like, value),
    ...keyOf(path, shown, value),
    ...overlapOf(path, shown, value),
  }
}

function lifeOf(path: string, shown: string, like: ProfileName, value: Record<string, unknown>) {
  const base = profiles[like]
  const { maxLifetimeDays = base.maxLifetimeDays } = value
  if (!isDays(maxLifetimeDays, base.maxLifetimeDays))
    throw fault(path, `${shown}: maxLifetimeDays is from 1 to ${base.maxLifetimeDays}, which is what ${like} has`)
  const { lifetimeDays = Math.min(base.lifetimeDays, maxLifetimeDays) } = value
  if (!isDays(lifetimeDays, maxLifetimeDays))
    throw fault(path, `${shown}: lifetimeDays is from 1 to maxLifetimeDays, ${maxLifetimeDays}`)
  return { lifetimeDays, maxLifetimeDays }
}

function keyOf(path: string, shown: string, { keyType }: Record<string, unknown>): { keyType?: KeyType } {
  if (keyType === undefined) return {}
  const known = keyTypes.find(type => type === keyType)
  if (known === undefined) throw fault(path, `${shown}: keyType is one of ${keyTypes.join(', ')}`)
  return { keyType: known }
}

function overlapOf(path: string, shown: string, { overlap }: Record<string, unknown>): { overlap?: boolean } {
  if (overlap === undefined) return {}
  if (typeof overlap !== 'boolean') throw fault(path, `${shown}: overlap is true or false`)
  return { overlap }
}

function isDays(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fault(path: string, what: string): PkiFileError {
  return new PkiFileError(`'${escapeText(path, 4096)}' ${what}`)
}
