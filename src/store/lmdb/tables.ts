// How the rows of each table are read, and under which key each is stored.

import { inboundKey, subscriptionKey, textKey } from '../keys.ts'
import {
  decodeDocument,
  decodeInbound,
  decodeMessage,
  decodeQueued,
  decodeRetained,
  decodeSession,
  decodeSubscription,
} from '../record-codec.ts'
import type { PutRetained } from '../retained-store.ts'
import type { SecurityDocument } from '../security-store.ts'
import type { PutInbound, PutMessage, PutQueued, PutSession, PutSubscription } from '../session-store.ts'
import type { TableReader } from './pages.ts'

export const sessionRows: TableReader<PutSession> = {
  name: 'sessions',
  decode: decodeSession,
  keyOf: row => row.sessionNumber,
  lowest: 0,
}

export const subscriptionRows: TableReader<PutSubscription> = {
  name: 'subscriptions',
  decode: decodeSubscription,
  keyOf: row => subscriptionKey(row.sessionNumber, row.fullFilter),
  lowest: '\0',
}

export const inboundRows: TableReader<PutInbound> = {
  name: 'inbound',
  decode: decodeInbound,
  keyOf: row => inboundKey(row.sessionNumber, row.packetId),
  lowest: 0,
}

export const messageRows: TableReader<PutMessage> = {
  name: 'messages',
  decode: decodeMessage,
  keyOf: row => row.messageId,
  lowest: 0,
}

export const queueRows: TableReader<PutQueued> = {
  name: 'queue',
  decode: decodeQueued,
  keyOf: row => row.sequence,
  lowest: 0,
}

export const retainedRows: TableReader<PutRetained> = {
  name: 'retained',
  decode: decodeRetained,
  keyOf: row => textKey(row.topicName),
  lowest: '\0',
}

export const documentRows: TableReader<SecurityDocument> = {
  name: 'documents',
  decode: decodeDocument,
  keyOf: row => textKey(row.name),
  lowest: '\0',
}

/** Of each kind of row that belongs to sessions. */
export const sessionTables = {
  'put-session': sessionRows,
  'put-subscription': subscriptionRows,
  'put-inbound': inboundRows,
  'put-message': messageRows,
  'put-queued': queueRows,
} as const
