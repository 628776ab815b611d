// Reads `mosquitto.db`, the file that Mosquitto writes with `persistence true`, formats 3 to 6: a header, then chunks of six kinds,
// each with its length.

import { FieldReader } from './field-reader.ts'
import {
  type ForeignClient,
  type ForeignDelivery,
  type ForeignMessage,
  type ForeignState,
  type ForeignSubscription,
  importFault,
} from './foreign-state.ts'
import { fixedLayout } from './mosquitto-db-fixed.ts'
import { plainLayout } from './mosquitto-db-plain.ts'

const magic = Buffer.from('\0\u00b5\0mosquitto db', 'latin1')

const chunkKind = { settings: 1, message: 2, delivery: 3, retained: 4, subscription: 5, client: 6 } as const

/** How the chunks of a format are laid out; every method throws StoreError. */
export interface ChunkLayout {
  /** @returns the chunk's kind; its length becomes the reader's limit */
  header(reader: FieldReader): number
  /** @returns the bytes of a message's number */
  settings(reader: FieldReader): number
  message(reader: FieldReader, where: string): readonly [id: bigint, message: ForeignMessage]
  delivery(reader: FieldReader, where: string): ForeignDelivery
  retained(reader: FieldReader): bigint
  subscription(reader: FieldReader, where: string): ForeignSubscription
  client(reader: FieldReader, where: string): ForeignClient
}

/** Whether a file begins as `mosquitto.db` does. */
export function isMosquittoDatabase(start: Uint8Array): boolean {
  return magic.equals(start.subarray(0, magic.length))
}

/**
 * @param bytes the whole file; what is returned refers to them
 * @throws {StoreError} `ERR_STORE_IMPORT`, naming the byte, for anything that Mosquitto does not write
 */
export function readMosquittoDatabase(bytes: Buffer): ForeignState {
  if (!isMosquittoDatabase(bytes)) throw importFault('at byte 0', 'this is not how a mosquitto.db begins')
  const reader = new FieldReader(bytes)
  reader.skip(magic.length, 'the header')
  // A checksum that Mosquitto never fills in.
  reader.uint32('the header')
  const version = reader.uint32('the header')
  const state = new State(`mosquitto.db, format ${version}`)
  const layout = layoutOf(version)
  while (reader.remaining > 0) takeChunk(reader, layout, state)
  return state
}

function layoutOf(version: number): ChunkLayout {
  switch (version) {
    case 3:
    case 4:
      return plainLayout(version)
    case 5:
    case 6:
      return fixedLayout(version)
    default:
      throw importFault('at byte 19', `format ${version} is not known, formats 3 to 6 are`)
  }
}

class State implements ForeignState {
  readonly format: string
  readonly clients: ForeignClient[] = []
  readonly subscriptions: ForeignSubscription[] = []
  readonly messages = new Map<bigint, ForeignMessage>()
  readonly deliveries: ForeignDelivery[] = []
  readonly retained: bigint[] = []

  constructor(format: string) {
    this.format = format
  }
}

function takeChunk(reader: FieldReader, layout: ChunkLayout, state: State): void {
  const where = `at byte ${reader.position}`
  const kind = layout.header(reader)
  switch (kind) {
    case chunkKind.settings:
      checkSettings(layout.settings(reader), where)
      break
    case chunkKind.message:
      addMessage(state, layout.message(reader, where))
      break
    case chunkKind.delivery:
      state.deliveries.push(layout.delivery(reader, where))
      break
    case chunkKind.retained:
      state.retained.push(layout.retained(reader))
      break
    case chunkKind.subscription:
      state.subscriptions.push(layout.subscription(reader, where))
      break
    case chunkKind.client:
      state.clients.push(layout.client(reader, where))
      break
    default:
      throw importFault(where, `chunk kind ${kind} is none`)
  }
  if (reader.remaining > 0) throw importFault(where, `${reader.remaining} bytes of the chunk belong to no field`)
  reader.unlimit()
}

function checkSettings(idBytes: number, where: string): void {
  if (idBytes !== 8) throw importFault(where, `numbers of messages have ${idBytes} bytes, expected 8`)
}

function addMessage(state: State, [id, message]: readonly [bigint, ForeignMessage]): void {
  if (state.messages.has(id)) throw importFault(message.where, `message ${id} is there already`)
  state.messages.set(id, message)
}
