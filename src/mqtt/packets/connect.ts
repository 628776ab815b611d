// CONNECT (§3.1): the packet that says which version the rest of the connection speaks.

import { escapeText } from '../../base/escape.ts'
import { MalformedPacketError, ProtocolViolationError } from '../errors.ts'
import {
  type Connect,
  noProperties,
  PacketType,
  type Properties,
  type ProtocolVersion,
  type QoS,
  type Will,
} from '../packet.ts'
import { decodeProperties, encodeProperties, propertiesLength, propertyBlockSize } from '../properties.ts'
import { willOwner } from '../property-table.ts'
import type { Reader } from '../reader.ts'
import { ReasonCode } from '../reason-code.ts'
import { binarySize, utf8Size, Writer } from '../writer.ts'

const usernameFlag = 0x80
const passwordFlag = 0x40
const willRetainFlag = 0x20
const willQoSBits = 0x18
const willFlag = 0x04
const cleanStartFlag = 0x02
const reservedFlag = 0x01

/** Bit 7 of the protocol level, outside the specification: Mosquitto's bridges set it. */
const bridgeBit = 0x80

/** @throws ProtocolViolationError with 0x84 for a version other than 3.1, 3.1.1 and 5.0 */
export function decodeConnect(reader: Reader): Connect {
  const name = reader.utf8('protocol name')
  const level = reader.byte('protocol level')
  const protocolVersion = versionOf(name, level & ~bridgeBit)
  const flags = checkFlags(reader.byte('connect flags'), protocolVersion)
  const keepAlive = reader.uint16('keep alive')
  const properties = protocolVersion === 5 ? decodeProperties(reader, PacketType.connect) : noProperties
  const clientId = reader.utf8('client id')
  const will = (flags & willFlag) !== 0 ? decodeWill(reader, flags, protocolVersion) : undefined
  const username = holds(reader, flags, usernameFlag, protocolVersion) ? reader.utf8('username') : undefined
  const password = holds(reader, flags, passwordFlag, protocolVersion) ? reader.binary('password') : undefined
  return {
    type: PacketType.connect,
    protocolVersion,
    bridge: level >= bridgeBit,
    cleanStart: (flags & cleanStartFlag) !== 0,
    keepAlive,
    clientId,
    username,
    password,
    will,
    properties,
  }
}

function versionOf(name: string, level: number): ProtocolVersion {
  if (name === 'MQTT') {
    if (level === 4 || level === 5) return level
  } else if (name === 'MQIsdp') {
    if (level === 3) return level
  } else {
    throw new MalformedPacketError('MQTT-3.1.2-1', `protocol name is '${escapeText(name, 32)}', expected 'MQTT'`)
  }
  throw new ProtocolViolationError(
    'MQTT-3.1.2-2',
    `protocol level of ${name} is ${level}, expected MQIsdp 3, MQTT 4 or MQTT 5`,
    ReasonCode.unsupportedProtocolVersion,
  )
}

/** Refuses flags that contradict each other; MQTT 3.1 leaves their meaning open where they do. */
function checkFlags(flags: number, version: ProtocolVersion): number {
  if ((flags & willQoSBits) === willQoSBits) {
    throw new MalformedPacketError('MQTT-3.1.2-12', 'will QoS is 3, expected 0, 1 or 2')
  }
  if (version < 5 && (flags & passwordFlag) !== 0 && (flags & usernameFlag) === 0) {
    throw new ProtocolViolationError('MQTT-3.1.2-22', 'password stands without a username')
  }
  if (version === 3) return flags
  if ((flags & reservedFlag) !== 0) throw new MalformedPacketError('MQTT-3.1.2-3', 'reserved connect flag is set')
  if ((flags & willFlag) !== 0) return flags
  if ((flags & willQoSBits) !== 0) {
    throw new MalformedPacketError('MQTT-3.1.2-11', 'will QoS is not 0, but there is no will')
  }
  if ((flags & willRetainFlag) !== 0) {
    throw new MalformedPacketError('MQTT-3.1.2-13', 'will retain is set, but there is no will')
  }
  return flags
}

/** In MQTT 3.1 the remaining length wins: a flag may be set whose field is missing (3.1, "User name and password flags"). */
function holds(reader: Reader, flags: number, flag: number, version: ProtocolVersion): boolean {
  return (flags & flag) !== 0 && (version > 3 || reader.remaining > 0)
}

function decodeWill(reader: Reader, flags: number, version: ProtocolVersion): Will {
  const properties = version === 5 ? decodeProperties(reader, willOwner) : noProperties
  const topicName = reader.utf8('will topic')
  if (topicName === '') throw new MalformedPacketError('MQTT-4.7.3-1', 'will topic is empty')
  const payload = reader.binary('will payload')
  const qos = ((flags & willQoSBits) >> 3) as QoS
  return { topicName, payload, qos, retain: (flags & willRetainFlag) !== 0, properties }
}

export function encodeConnect(connect: Connect): Buffer {
  const { protocolVersion, will, username, password } = connect
  const name = protocolVersion === 3 ? 'MQIsdp' : 'MQTT'
  const ownLength = propertiesLength(connect.properties, PacketType.connect)
  const willLength = will === undefined ? 0 : propertiesLength(will.properties, willOwner)
  const size =
    utf8Size(name) +
    4 +
    blockSize(protocolVersion, ownLength) +
    utf8Size(connect.clientId) +
    (will === undefined ? 0 : willSize(will, protocolVersion, willLength)) +
    (username === undefined ? 0 : utf8Size(username)) +
    (password === undefined ? 0 : binarySize(password))
  const writer = new Writer(PacketType.connect << 4, size)
  writer.utf8(name)
  writer.byte(protocolVersion | (connect.bridge ? bridgeBit : 0))
  writer.byte(flagsOf(connect))
  writer.uint16(connect.keepAlive)
  encodeBlock(writer, connect.properties, protocolVersion, PacketType.connect, ownLength)
  writer.utf8(connect.clientId)
  if (will !== undefined) {
    encodeBlock(writer, will.properties, protocolVersion, willOwner, willLength)
    writer.utf8(will.topicName)
    writer.binary(will.payload)
  }
  if (username !== undefined) writer.utf8(username)
  if (password !== undefined) writer.binary(password)
  return writer.finish()
}

function flagsOf({ cleanStart, will, username, password }: Connect): number {
  let flags = 0
  if (cleanStart) flags |= cleanStartFlag
  if (will !== undefined) flags |= willFlag | (will.qos << 3) | (will.retain ? willRetainFlag : 0)
  if (username !== undefined) flags |= usernameFlag
  if (password !== undefined) flags |= passwordFlag
  return flags
}

function willSize(will: Will, version: ProtocolVersion, length: number): number {
  return blockSize(version, length) + utf8Size(will.topicName) + binarySize(will.payload)
}

function blockSize(version: ProtocolVersion, length: number): number {
  return version === 5 ? propertyBlockSize(length) : 0
}

function encodeBlock(
  writer: Writer,
  properties: Properties,
  version: ProtocolVersion,
  owner: typeof PacketType.connect | typeof willOwner,
  length: number,
): void {
  if (version === 5) encodeProperties(writer, properties, owner, length)
}
