import assert from 'node:assert/strict'
import test from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { checksum } from './checksum.ts'
import { RecordFault } from './record-bytes.ts'
import {
  decodeDocument,
  decodeInbound,
  decodeMessage,
  decodeNumber,
  decodeQueued,
  decodeRetained,
  decodeSession,
  decodeSubscription,
  encodeDocument,
  encodeInbound,
  encodeMessage,
  encodeNumber,
  encodeQueued,
  encodeRetained,
  encodeSession,
  encodeSubscription,
  recordKind,
} from './record-codec.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 400 })
const bytes = fc.uint8Array({ maxLength: 3000 })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const uint16 = fc.integer({ min: 0, max: 0xffff })
const uint8 = fc.integer({ min: 0, max: 0xff })
const safe = fc.maxSafeNat()
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const time = fc.option(fc.double({ noNaN: true }), { nil: undefined })
const row = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true })
const messageFields = {
  topicName: text,
  qos,
  retain: fc.boolean(),
  publisher: text,
  properties: bytes,
  payload: bytes,
  expiresAt: time,
}

/** Of each kind how rows are made, and the two ways. */
const kinds = {
  session: [
    row({
      kind: fc.constant('put-session' as const),
      sessionNumber: uint32,
      clientId: text,
      owner: text,
      principal: bytes,
      expiryInterval: uint32,
      disconnectedAt: time,
      will: fc.option(row({ delay: uint32, record: bytes }), { nil: undefined }),
    }),
    encodeSession,
    decodeSession,
  ],
  subscription: [
    row({
      kind: fc.constant('put-subscription' as const),
      sessionNumber: uint32,
      fullFilter: text,
      options: uint8,
      subscriptionIdentifier: uint32,
    }),
    encodeSubscription,
    decodeSubscription,
  ],
  inbound: [
    row({ kind: fc.constant('put-inbound' as const), sessionNumber: uint32, packetId: uint16 }),
    encodeInbound,
    decodeInbound,
  ],
  message: [
    row({ kind: fc.constant('put-message' as const), messageId: safe, ...messageFields }),
    encodeMessage,
    decodeMessage,
  ],
  queued: [
    row({
      kind: fc.constant('put-queued' as const),
      sequence: safe,
      sessionNumber: uint32,
      messageId: safe,
      message: fc.option(row(messageFields), { nil: undefined }),
      qos,
      retain: fc.boolean(),
      subscriptionIdentifiers: fc.option(fc.array(uint32, { minLength: 1, maxLength: 30 }), { nil: undefined }),
      packetId: uint16,
      state: fc.constantFrom('queued' as const, 'sent' as const, 'released' as const),
    }),
    encodeQueued,
    decodeQueued,
  ],
  retained: [
    row({ kind: fc.constant('put-retained' as const), ...messageFields, keptUntil: time }),
    encodeRetained,
    decodeRetained,
  ],
  document: [row({ name: text, version: safe, body: bytes }), encodeDocument, decodeDocument],
  number: [
    safe,
    (value: number) => encodeNumber(recordKind.head, value),
    (record: Buffer) => decodeNumber(recordKind.head, record),
  ],
} as unknown as Record<string, [fc.Arbitrary<object>, (row: unknown) => Buffer, (record: Buffer) => unknown]>

for (const [kind, [rows, encode, decode]] of Object.entries(kinds)) {
  test(`a ${kind} is read as it was written`, () => {
    fc.assert(
      fc.property(rows, row => assert.deepEqual(decode(encode(row)), row)),
      { numRuns: 300 },
    )
  })

  test(`a ${kind} with a bit that flipped, a part missing or bytes behind it is a fault`, () => {
    fc.assert(
      fc.property(rows, fc.nat(), fc.nat(), fc.integer({ min: 0, max: 7 }), (row, cut, at, bit) => {
        const record = Buffer.from(encode(row))
        assert.throws(() => decode(record.subarray(0, cut % record.length)), RecordFault)
        assert.throws(() => decode(Buffer.concat([record, Buffer.of(0)])), RecordFault)
        const place = at % record.length
        record[place] = (record[place] as number) ^ (1 << bit)
        assert.throws(() => decode(record), RecordFault)
      }),
      { numRuns: 300 },
    )
  })
}

test('a record whose checksum is right and whose fields are not is a fault that says which', () => {
  const cases: readonly (readonly [string, (record: Buffer) => unknown, RegExp])[] = [
    ['', decodeInbound, /0 bytes, too few/],
    ['04 00000001 0007', decodeInbound, /of kind 4, expected 3/],
    ['03 00000001 00', decodeInbound, /ends within a field/],
    ['03 00000001 0007 00', decodeInbound, /1 bytes follow its last field/],
    ['08 ffffffff ffffffff', record => decodeNumber(recordKind.head, record), /too large/],
    ['07 00000000 00000001 ffffffff', decodeDocument, /ends within a field/],
    ['06 03 00000001 61 00000000 00000000 00000000', decodeRetained, /QoS is 3, expected 0 to 2/],
    ['06 10 00000001 61 00000000 00000000 00000000', decodeRetained, /flags are 16, expected less than 16/],
    ['05 0000000000000001 00000001 0000000000000001 30 0000 0000', decodeQueued, /state is 3, expected 0 to 2/],
    ['05 0000000000000001 00000001 0000000000000001 01 0000 ffff', decodeQueued, /ends within a field/],
    ['05 0000000000000001 00000001 0000000000000001 01 0000 0000 00', decodeQueued, /1 bytes follow its last field/],
    ['0a 0000000000000001 00000001 0000000000000001 01 0000 0000', decodeQueued, /ends within a field/],
    ['0b 0000000000000001 00000001 0000000000000001 01 0000 0000', decodeQueued, /of kind 11, expected 5/],
  ]
  for (const [hex, decode, why] of cases) {
    const body = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    const record = body.length === 0 ? body : Buffer.concat([checksumOf(body), body])
    assert.throws(
      () => decode(record),
      error => error instanceof RecordFault && why.test(error.message),
      hex,
    )
  }
})

test('the bytes of a record are those of the format', () => {
  const row = { kind: 'put-inbound', sessionNumber: 0x01020304, packetId: 0xfffe } as const
  const body = Buffer.from('0301020304fffe', 'hex')
  assert.equal(encodeInbound(row).toString('hex'), Buffer.concat([checksumOf(body), body]).toString('hex'))
})

test('records that were written before stay as they are', () => {
  const records = Array.from({ length: 5000 }, (_, index) => encodeMessage(bigMessage(index + 1)))
  for (const [index, record] of records.entries()) assert.deepEqual(decodeMessage(record), bigMessage(index + 1))
})

test('the checksum of any part of a buffer is that of zlib', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(), fc.nat(), (data, a, b) => {
      const [start = 0, end = 0] = [a % (data.length + 1), b % (data.length + 1)].sort((x, y) => x - y)
      assert.equal(checksum(data, start, end), crc32(data.subarray(start, end)))
    }),
  )
})

function checksumOf(body: Buffer): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes
}

function bigMessage(messageId: number) {
  return {
    kind: 'put-message',
    messageId,
    topicName: 'a/b',
    qos: 1,
    retain: false,
    publisher: '',
    properties: new Uint8Array(0),
    payload: new Uint8Array(messageId % 500).fill(messageId),
    expiresAt: undefined,
  } as const
}
