import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientChunk,
  deliveryChunk,
  messageChunk,
  mosquittoFile,
  retainedChunk,
  subscriptionChunk,
} from '../../test/support/mosquitto-db.ts'
import { readMosquittoDatabase } from '../store/import/mosquitto-db.ts'
import { foreignRows } from './foreign-rows.ts'
import { decodeForwarded, decodeRetainedExtras } from './stored-form.ts'

const now = 1_000_000_000
const seconds = now / 1000

function rowsOf(...chunks: readonly Uint8Array[]) {
  return foreignRows(readMosquittoDatabase(mosquittoFile(6, ...chunks)), now)
}

function kinds(rows: ReturnType<typeof rowsOf>): string[] {
  return rows.sessions.map(({ kind }) => kind)
}

function queue(rows: ReturnType<typeof rowsOf>) {
  return rows.sessions.flatMap(row =>
    row.kind === 'put-queued' ? [[row.sessionNumber, row.messageId, row.qos, row.state, row.packetId]] : [],
  )
}

test('import: a message that several wait for becomes one, before the first of its rows', () => {
  const rows = rowsOf(
    messageChunk(6, { id: 9n, topic: 't' }),
    clientChunk(6, { clientId: 'a' }),
    clientChunk(6, { clientId: 'b' }),
    deliveryChunk(6, { clientId: 'a', id: 9n }),
    deliveryChunk(6, { clientId: 'b', id: 9n }),
  )
  assert.deepEqual(kinds(rows), ['put-session', 'put-session', 'put-message', 'put-queued', 'put-queued'])
  assert.deepEqual(queue(rows), [
    [1, 1, 1, 'queued', 0],
    [2, 1, 1, 'queued', 0],
  ])
})

test('import: a session says whose it is, to whoever looks into the store', () => {
  const owners = rowsOf(clientChunk(6, { clientId: 'a', username: 'bob' }), clientChunk(6, { clientId: 'b' })).sessions
  const unknown = foreignRows(readMosquittoDatabase(mosquittoFile(5, clientChunk(5, { clientId: 'c' }))), now).sessions
  assert.deepEqual(
    [...owners, ...unknown].map(row => row.kind === 'put-session' && row.owner),
    ['user:bob', 'anonymous', 'unknown'],
  )
})

test('import: an exchange goes on where it stood, under its packet id; what was queued gets a new one', () => {
  const states = [
    [2, 1, 'sent'],
    [3, 1, 'sent'],
    [4, 2, 'sent'],
    [5, 2, 'sent'],
    [6, 2, 'released'],
    [9, 2, 'released'],
    [11, 2, 'queued'],
  ] as const
  for (const [state, qos, expected] of states) {
    const rows = rowsOf(
      messageChunk(6, { id: 1n, topic: 't' }),
      clientChunk(6, { clientId: 'a' }),
      deliveryChunk(6, { clientId: 'a', id: 1n, packetId: 77, qos, state }),
    )
    assert.deepEqual(queue(rows), [[1, 1, qos, expected, expected === 'queued' ? 0 : 77]], `state ${state}`)
  }
})

test('import: what has expired is left out and counted, what has not keeps its time', () => {
  const rows = rowsOf(
    messageChunk(6, { id: 1n, topic: 'gone', expires: seconds }),
    messageChunk(6, { id: 2n, topic: 'kept', expires: seconds + 1 }),
    clientChunk(6, { clientId: 'gone', interval: 60, expires: seconds }),
    clientChunk(6, { clientId: 'kept', interval: 60, expires: seconds + 10 }),
    clientChunk(6, { clientId: 'ended', interval: 0 }),
    deliveryChunk(6, { clientId: 'kept', id: 1n }),
    deliveryChunk(6, { clientId: 'kept', id: 2n }),
    deliveryChunk(6, { clientId: 'kept', id: 3n }),
    retainedChunk(6, 1n),
  )
  assert.deepEqual(rows.counts, { sessions: 1, subscriptions: 0, waiting: 1, retained: 0, leftOut: 5, wrongNames: 0 })
  const [session, message] = rows.sessions
  assert(session?.kind === 'put-session' && message?.kind === 'put-message')
  assert.deepEqual([session.clientId, session.disconnectedAt, session.expiryInterval], ['kept', now - 50_000, 60])
  assert.equal(message.expiresAt, now + 1000)
})

test('import: properties go on as far as subscribers see them', () => {
  // Expiry, content type, a user property.
  const properties = Buffer.from('12 02 00000009 03 000161 26 0001 6b 0001 76'.replaceAll(' ', ''), 'hex')
  properties[0] = properties.length - 1
  const rows = rowsOf(
    messageChunk(6, { id: 1n, topic: 't', properties, retain: true, username: 'bob' }),
    clientChunk(6, { clientId: 'a' }),
    deliveryChunk(6, { clientId: 'a', id: 1n, properties: Buffer.from('020b07', 'hex') }),
    retainedChunk(6, 1n),
  )
  const forwarded = { contentType: 'a', userProperties: [['k', 'v']] }
  const message = rows.sessions.find(row => row.kind === 'put-message')
  assert(message)
  assert.deepEqual(decodeForwarded(message.properties), forwarded)
  const row = rows.sessions.find(each => each.kind === 'put-queued')
  assert.deepEqual(row?.subscriptionIdentifiers, [7])
  const [retained] = rows.retained
  assert(retained)
  assert.deepEqual(decodeRetainedExtras(retained.properties).properties, forwarded)
})

test('import: what came at QoS 2 and was not passed on yet is passed on behind all else, once to each that matches', () => {
  const rows = rowsOf(
    messageChunk(6, { id: 1n, topic: 'in/1', qos: 2, retain: true, publisher: 'sender' }),
    messageChunk(6, { id: 2n, topic: 'out', qos: 1 }),
    clientChunk(6, { clientId: 'sender' }),
    deliveryChunk(6, { clientId: 'sender', id: 1n, packetId: 40, qos: 2, state: 7, direction: 0 }),
    clientChunk(6, { clientId: 'twice' }),
    deliveryChunk(6, { clientId: 'twice', id: 2n }),
    clientChunk(6, { clientId: 'other' }),
    subscriptionChunk(6, { clientId: 'sender', filter: 'in/#', qos: 2, options: 0x04 }),
    subscriptionChunk(6, { clientId: 'twice', filter: 'in/#', qos: 1, identifier: 3 }),
    subscriptionChunk(6, { clientId: 'twice', filter: 'in/+', qos: 2, options: 0x08, identifier: 4 }),
    subscriptionChunk(6, { clientId: 'other', filter: 'in/1', qos: 0 }),
    subscriptionChunk(6, { clientId: 'other', filter: 'elsewhere', qos: 2 }),
  )
  assert.deepEqual(queue(rows), [
    [2, 1, 1, 'queued', 0],
    [2, 2, 2, 'queued', 0],
  ])
  const last = rows.sessions.findLast(row => row.kind === 'put-queued')
  assert.deepEqual([last?.retain, last?.subscriptionIdentifiers], [true, [3, 4]])
  assert.deepEqual(
    rows.sessions.filter(row => row.kind === 'put-inbound'),
    [{ kind: 'put-inbound', sessionNumber: 1, packetId: 40 }],
  )
  assert.deepEqual(
    rows.retained.map(({ topicName }) => topicName),
    ['in/1'],
  )
})

test('import: what no broker could have been told is refused where it stands', () => {
  const client = clientChunk(6, { clientId: 'a' })
  const message = messageChunk(6, { id: 1n, topic: 't' })
  const sent = deliveryChunk(6, { clientId: 'a', id: 1n, packetId: 5, state: 3 })
  for (const [chunks, why] of [
    [[messageChunk(6, { id: 1n, topic: 'a/#' })], /^at byte 23: /],
    [[messageChunk(6, { id: 1n, topic: '' })], /^at byte 23: /],
    [[client, client], /^at byte \d+: client id 'a' is empty, or there already$/],
    [[clientChunk(6, { clientId: '' })], /^at byte 23: client id '' is empty/],
    [[client, subscriptionChunk(6, { clientId: 'a', filter: 'a#' })], /^at byte \d+: /],
    [[client, message, sent, sent], /^at byte \d+: packet id 5 of 'a' is under way already$/],
    [
      [client, messageChunk(6, { id: 1n, topic: 't', properties: Buffer.of(1, 0x7f) }), sent],
      /property 0x7f does not exist/,
    ],
    [
      [client, messageChunk(6, { id: 1n, topic: 't', properties: Buffer.of(0, 0) }), sent],
      /1 bytes follow its properties/,
    ],
  ] as const) {
    assert.throws(() => rowsOf(...chunks), { code: 'ERR_BROKER_IMPORT', message: why })
  }
})
