import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  chunk,
  clientChunk,
  deliveryChunk,
  type FileVersion,
  messageChunk,
  mosquittoFile,
  retainedChunk,
  settingsChunk,
  subscriptionChunk,
} from '../../../test/support/mosquitto-db.ts'
import type { ForeignState } from './foreign-state.ts'
import { isMosquittoDatabase, readMosquittoDatabase } from './mosquitto-db.ts'

const versions: readonly FileVersion[] = [3, 4, 5, 6]

function wholeFile(version: FileVersion): Buffer {
  return mosquittoFile(
    version,
    settingsChunk(version),
    messageChunk(version, { id: 7n, topic: 'a/ä', payload: 'kept', qos: 2, retain: true, username: 'bob', port: 1883 }),
    clientChunk(version, { clientId: 'c', username: 'eve', port: 1884, interval: 60, expires: 1000 }),
    deliveryChunk(version, { clientId: 'c', id: 7n, packetId: 258, qos: 2, state: 9, retain: true }),
    subscriptionChunk(version, { clientId: 'c', filter: 'a/#', qos: 1, options: 0x0c, identifier: 5 }),
    retainedChunk(version, 7n),
  )
}

/** Without where it stood in the file. */
function plain(rows: readonly object[]): object[] {
  return rows.map(row => ({
    ...row,
    where: undefined,
    properties: undefined,
    payload: undefined,
    hasWrongName: undefined,
  }))
}

for (const version of versions) {
  test(`mosquitto.db, format ${version}: what is in it is read, as far as the format tells`, () => {
    const state = readMosquittoDatabase(wholeFile(version))
    const message = state.messages.get(7n)
    assert(message)
    assert.equal(Buffer.from(message.payload).toString(), 'kept')
    const { topicName, qos, retain, publisher, user, listenerPort } = message
    assert.deepEqual(
      { topicName, qos, retain, publisher, user, listenerPort },
      {
        topicName: 'a/ä',
        qos: 2,
        retain: true,
        publisher: 'pub',
        user: version === 3 ? undefined : { username: 'bob' },
        listenerPort: version === 3 ? 0 : 1883,
      },
    )
    const knowsTimes = version >= 5
    const expected: Partial<Record<keyof ForeignState, object>> = {
      clients: [
        {
          clientId: 'c',
          user: version === 6 ? { username: 'eve' } : undefined,
          listenerPort: version === 6 ? 1884 : 0,
          expiryInterval: knowsTimes ? 60 : 0xffff_ffff,
          expiresAt: knowsTimes ? 1_000_000 : undefined,
          will: undefined,
        },
      ],
      deliveries: [
        {
          clientId: 'c',
          messageId: 7n,
          direction: 'out',
          qos: 2,
          retain: true,
          packetId: 258,
          state: 'released',
          subscriptionIdentifier: 0,
        },
      ],
      subscriptions: [
        { clientId: 'c', fullFilter: 'a/#', options: knowsTimes ? 0x0d : 1, identifier: knowsTimes ? 5 : 0 },
      ],
    }
    for (const [name, rows] of Object.entries(expected)) {
      const found = plain(state[name as 'clients' | 'deliveries' | 'subscriptions'])
      assert.deepEqual(found, plain(rows as object[]), name)
    }
    assert.deepEqual(state.retained, [7n])
  })

  test(`mosquitto.db, format ${version}: cut short anywhere but between two chunks, it is refused at a byte`, () => {
    const file = wholeFile(version)
    const ends = new Set<number>()
    for (let length = 0; length < file.length; length++) {
      try {
        readMosquittoDatabase(file.subarray(0, length))
        ends.add(length)
      } catch (error) {
        assert.match(`${(error as Error).message}`, /^at byte \d+: /, `cut at ${length}`)
        assert.equal((error as { code?: string }).code, 'ERR_STORE_IMPORT')
      }
    }
    // Behind the header, and behind each of the six chunks but the last, which is the whole file.
    assert.equal(ends.size, 6)
  })

  test(`mosquitto.db, format ${version}: with any byte wrong it is read or refused, and never anything else`, () => {
    const file = wholeFile(version)
    for (let at = 0; at < file.length; at++) {
      for (const bits of [0x01, 0x80, 0xff]) {
        const wrong = Buffer.from(file)
        wrong[at] = (wrong[at] as number) ^ bits
        try {
          readMosquittoDatabase(wrong)
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_STORE_IMPORT', `byte ${at}: ${error}`)
        }
      }
    }
  })
}

test('mosquitto.db: what begins otherwise is none, and a format that is not known is named', () => {
  assert.equal(isMosquittoDatabase(mosquittoFile(6)), true)
  assert.equal(isMosquittoDatabase(Buffer.from('mosquitto db')), false)
  assert.throws(() => readMosquittoDatabase(Buffer.from('something else')), /at byte 0: this is not how/)
  for (const version of [0, 2, 7]) {
    assert.throws(() => readMosquittoDatabase(mosquittoFile(version)), {
      message: `at byte 19: format ${version} is not known, formats 3 to 6 are`,
    })
  }
})

test('mosquitto.db: a chunk that no Mosquitto writes is refused where it begins', () => {
  const refusal = (...chunks: readonly Uint8Array[]) => {
    try {
      readMosquittoDatabase(mosquittoFile(6, ...chunks))
    } catch (error) {
      return (error as Error).message
    }
    return 'read'
  }
  const client = { clientId: 'c' }
  const message = messageChunk(6, { id: 1n, topic: 't' })
  for (const [bytes, why] of [
    [chunk(6, 9), 'chunk kind 9 is none'],
    [chunk(6, 4, Buffer.alloc(9)), '1 bytes of the chunk belong to no field'],
    [settingsChunk(6, 4), 'numbers of messages have 4 bytes, expected 8'],
    [messageChunk(6, { id: 1n, topic: 't', qos: 3 }), 'quality of service 3 is none'],
    [deliveryChunk(6, { ...client, id: 1n, state: 12 }), 'state 12 of a message is none'],
    [deliveryChunk(6, { ...client, id: 1n, direction: 2 }), 'direction 2 of a message is none'],
    [subscriptionChunk(6, { ...client, filter: 'a', qos: 7 }), 'quality of service 7 is none'],
  ] as const) {
    assert.equal(refusal(bytes), `at byte 23: ${why}`)
  }
  assert.match(refusal(message, message), /^at byte \d+: message 1 is there already$/)
  assert.equal(refusal(message), 'read')
})

test('mosquitto.db: memory that 2.0.11 writes as the name of an anonymous client counts as no name', () => {
  const file = mosquittoFile(
    6,
    clientChunk(6, { clientId: 'named', username: 'bob' }),
    clientChunk(6, { clientId: 'nameless', username: `bob\0${'\x01'.repeat(764)}` }),
    clientChunk(6, { clientId: 'next' }),
  )
  const users = readMosquittoDatabase(file).clients.map(({ clientId, user, hasWrongName }) => [
    clientId,
    user?.username,
    hasWrongName,
  ])
  assert.deepEqual(users, [
    ['named', 'bob', false],
    ['nameless', undefined, true],
    ['next', undefined, false],
  ])
})
