// The properties of MQTT 5 by the names and values that Mosquitto's tools have for them on a command line (`-D`).

import { escapeText } from '../base/escape.ts'
import { PacketType, type Properties } from '../mqtt/packet.ts'
import { type PropertyOwner, type PropertyRow, propertyRowsOf, willOwner } from '../mqtt/property-table.ts'
import { PropertyError } from './errors.ts'

/** What can be given properties on a command line; others exist, and are refused by name. */
export type Command = 'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'disconnect' | 'will'

const commands: Readonly<Record<Command, PropertyOwner>> = {
  connect: PacketType.connect,
  publish: PacketType.publish,
  subscribe: PacketType.subscribe,
  unsubscribe: PacketType.unsubscribe,
  disconnect: PacketType.disconnect,
  will: willOwner,
}

/** Of packets that are answers, or that no tool sends. */
const otherCommands: Readonly<Record<string, PropertyOwner>> = {
  connack: PacketType.connack,
  puback: PacketType.puback,
  pubrec: PacketType.pubrec,
  pubrel: PacketType.pubrel,
  pubcomp: PacketType.pubcomp,
  suback: PacketType.suback,
  unsuback: PacketType.unsuback,
  auth: PacketType.auth,
}

export interface PropertyWords {
  readonly command: Command
  /** The packet's properties, with this one. */
  readonly properties: Properties
  /** How many words it took: three, or four for a user property. */
  readonly size: 3 | 4
}

/**
 * Reads `COMMAND NAME VALUE`, or `COMMAND user-property NAME VALUE`.
 *
 * @param words from the command on; what comes behind the property is left alone
 * @param known the properties that each packet has already
 * @throws PropertyError
 */
export function readProperty(words: readonly string[], known: (command: Command) => Properties): PropertyWords {
  const [commandWord, name, value, pairValue] = words
  if (commandWord === undefined || name === undefined || value === undefined) throw tooFew()
  const owner = ownerOf(commandWord)
  const row = rowOf(name, owner, commandWord)
  const command = Object.keys(commands).find(word => word === commandWord.toLowerCase()) as Command | undefined
  if (command === undefined || (command === 'publish' && row.key === 'subscriptionIdentifiers')) {
    throw new PropertyError(`Error: ${name} property not supported for ${commandWord} in --property argument.`)
  }
  const isPair = row.type === 'utf8Pair'
  if (isPair && pairValue === undefined) throw tooFew()
  const before = known(command)
  const properties = isPair
    ? { ...before, userProperties: [...(before.userProperties ?? []), [value, pairValue as string] as const] }
    : { ...before, [row.key]: valueFrom(row, name, value, before) }
  return { command, properties, size: isPair ? 4 : 3 }
}

/** `topic-alias` for `topicAlias`. */
export function propertyName(key: keyof Properties): string {
  return irregular.get(key) ?? key.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

const irregular: ReadonlyMap<keyof Properties, string> = new Map([
  ['maximumQoS', 'maximum-qos'],
  ['subscriptionIdentifiers', 'subscription-identifier'],
  ['subscriptionIdentifiersAvailable', 'subscription-identifier-available'],
  ['userProperties', 'user-property'],
])

function tooFew(): PropertyError {
  return new PropertyError('Error: --property argument given but not enough arguments specified.')
}

function ownerOf(word: string): PropertyOwner {
  const lower = word.toLowerCase()
  const owner = { ...commands, ...otherCommands }[lower]
  if (owner !== undefined && Object.hasOwn({ ...commands, ...otherCommands }, lower)) return owner
  throw new PropertyError(`Error: Invalid command ${escapeText(word, 64)} given in --property argument.`)
}

function rowOf(name: string, owner: PropertyOwner, command: string): PropertyRow {
  const row = everyRow().find(each => propertyName(each.key) === name.toLowerCase())
  if (row === undefined) {
    throw new PropertyError(`Error: Invalid property name ${escapeText(name, 64)} given in --property argument.`)
  }
  if (row.owners.includes(owner)) return row
  throw new PropertyError(`Error: ${name} property not allowed for ${command} in --property argument.`)
}

function everyRow(): readonly PropertyRow[] {
  return Object.values({ ...commands, ...otherCommands }).flatMap(owner => propertyRowsOf(owner))
}

function valueFrom(row: PropertyRow, name: string, text: string, before: Properties): unknown {
  if (before[row.key] !== undefined) throw new PropertyError(`Error: ${name} property given twice.`)
  switch (row.type) {
    case 'utf8':
      return bounded(name, text)
    case 'binary':
      return Buffer.from(bounded(name, text))
    case 'variableByteInteger':
      return [wholeNumber(row, name, text, 268_435_455)]
    case 'boolean':
      return wholeNumber(row, name, text, 1) === 1
    case 'byte':
      return wholeNumber(row, name, text, 0xff)
    case 'uint16':
      return wholeNumber(row, name, text, 0xffff)
    default:
      return wholeNumber(row, name, text, 0xffff_ffff)
  }
}

function bounded(name: string, text: string): string {
  if (Buffer.byteLength(text) <= 0xffff) return text
  throw new PropertyError(`Error: Property value too long for property ${name}.`)
}

function wholeNumber(row: PropertyRow, name: string, text: string, largest: number): number {
  const value = /^(0x[0-9a-f]+|-?\d+)$/i.test(text) ? Number(text) : undefined
  if (value === undefined) {
    throw new PropertyError(`Error: Property value '${escapeText(text, 64)}' not a number.`)
  }
  if (value >= (row.minimum ?? 0) && value <= (row.maximum ?? largest)) return value
  throw new PropertyError(`Error: Property value (${escapeText(text, 32)}) out of range for property ${name}.`)
}
