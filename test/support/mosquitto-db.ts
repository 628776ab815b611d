// Writes files of Mosquitto's state by hand, in any of its formats, for what the real program no longer writes, or never would.

import { concat, lengthPrefixed, u16, u32 } from './bytes.ts'

export type FileVersion = 3 | 4 | 5 | 6

export const chunkKinds = { settings: 1, message: 2, delivery: 3, retained: 4, subscription: 5, client: 6 } as const

/** The file: its header, then the chunks. */
export function mosquittoFile(version: number, ...chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.from('\0\u00b5\0mosquitto db', 'latin1'), u32(0), u32(version), ...chunks])
}

export function chunk(version: FileVersion, kind: number, ...fields: readonly Uint8Array[]): Uint8Array {
  const body = concat(...fields)
  return concat(version < 5 ? u16(kind) : u32(kind), u32(body.length), body)
}

export function settingsChunk(version: FileVersion, idBytes = 8): Uint8Array {
  if (version < 5) return chunk(version, chunkKinds.settings, Uint8Array.of(1, idBytes), native64(9n))
  return chunk(version, chunkKinds.settings, native64(9n), Uint8Array.of(1, idBytes), new Uint8Array(6))
}

export interface MessageFields {
  readonly id: bigint
  readonly topic: string
  readonly payload?: string
  readonly qos?: number
  readonly retain?: boolean
  readonly publisher?: string
  readonly username?: string
  readonly port?: number
  /** Seconds since 1970. */
  readonly expires?: number
  /** With their length before them. */
  readonly properties?: Uint8Array
}

export function messageChunk(version: FileVersion, fields: MessageFields): Uint8Array {
  const { id, topic, payload = 'x', qos = 1, retain = false, publisher = 'pub', username = '', port = 0 } = fields
  const flags = Uint8Array.of(qos, retain ? 1 : 0)
  if (version < 5) {
    const user = version === 4 ? [lengthPrefixed(username), u16(port)] : []
    const body = [lengthPrefixed(topic), flags, u32(Buffer.byteLength(payload)), Buffer.from(payload)]
    return chunk(version, chunkKinds.message, native64(id), lengthPrefixed(publisher), ...user, u16(1), u16(1), ...body)
  }
  const { expires = 0, properties = new Uint8Array() } = fields
  const texts = [publisher, username, topic].map(text => Buffer.from(text))
  return chunk(
    version,
    chunkKinds.message,
    native64(id),
    native64(BigInt(expires)),
    u32(Buffer.byteLength(payload)),
    u16(1),
    ...texts.map(text => u16(text.length)),
    u16(port),
    flags,
    ...texts,
    Buffer.from(payload),
    properties,
  )
}

export interface ClientFields {
  readonly clientId: string
  readonly username?: string
  readonly port?: number
  readonly interval?: number
  /** Seconds since 1970. */
  readonly expires?: number
}

export function clientChunk(version: FileVersion, fields: ClientFields): Uint8Array {
  const { clientId, username = '', port = 0, interval = 0xffff_ffff, expires = 0 } = fields
  if (version < 5) return chunk(version, chunkKinds.client, lengthPrefixed(clientId), u16(7), native64(5n))
  const id = Buffer.from(clientId)
  const times = [native64(BigInt(expires)), u32(interval), u16(7), u16(id.length)]
  if (version === 5) return chunk(version, chunkKinds.client, ...times, id)
  const name = Buffer.from(username)
  return chunk(version, chunkKinds.client, ...times, u16(port), u16(name.length), u32(0), id, name)
}

export interface DeliveryFields {
  readonly clientId: string
  readonly id: bigint
  readonly packetId?: number
  readonly qos?: number
  /** Mosquitto's number; 11 is queued. */
  readonly state?: number
  readonly retain?: boolean
  /** 1 is out. */
  readonly direction?: number
  readonly properties?: Uint8Array
}

export function deliveryChunk(version: FileVersion, fields: DeliveryFields): Uint8Array {
  const { clientId, id, packetId = 1, qos = 1, state = 11, retain = false, direction = 1 } = fields
  if (version < 5) {
    const numbers = Uint8Array.of(qos, retain ? 1 : 0, direction, state, 0)
    return chunk(version, chunkKinds.delivery, lengthPrefixed(clientId), native64(id), u16(packetId), numbers)
  }
  const { properties = new Uint8Array() } = fields
  const name = Buffer.from(clientId)
  const numbers = Uint8Array.of(qos, state, (retain ? 0x10 : 0) | (state === 11 ? 0 : 1), direction)
  return chunk(version, chunkKinds.delivery, native64(id), u16(packetId), u16(name.length), numbers, name, properties)
}

export function retainedChunk(version: FileVersion, id: bigint): Uint8Array {
  return chunk(version, chunkKinds.retained, native64(id))
}

export interface SubscriptionFields {
  readonly clientId: string
  readonly filter: string
  readonly qos?: number
  readonly options?: number
  readonly identifier?: number
}

export function subscriptionChunk(version: FileVersion, fields: SubscriptionFields): Uint8Array {
  const { clientId, filter, qos = 1, options = 0, identifier = 0 } = fields
  if (version < 5) {
    return chunk(version, chunkKinds.subscription, lengthPrefixed(clientId), lengthPrefixed(filter), Uint8Array.of(qos))
  }
  const [id, text] = [Buffer.from(clientId), Buffer.from(filter)]
  const numbers = Uint8Array.of(qos, options, 0, 0)
  return chunk(version, chunkKinds.subscription, u32(identifier), u16(id.length), u16(text.length), numbers, id, text)
}

/** The low byte first, as on the machines that write these files. */
function native64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}
