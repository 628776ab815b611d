import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { sqliteSchema as schema } from '../../../test/support/mosquitto-sqlite.ts'
import { readForeignFile, recogniseFile } from './foreign-file.ts'
import { isSqliteDatabase, readMosquittoSqlite } from './mosquitto-sqlite.ts'

const properties = JSON.stringify([
  { identifier: 'payload-format-indicator', value: 1 },
  { identifier: 'content-type', value: 'json' },
  { identifier: 'correlation-data', value: '0AFF' },
  { identifier: 'user-property', name: 'k', value: 'v' },
  { identifier: 'subscription-identifier', value: 9 },
])

const content = `
  INSERT INTO base_msgs VALUES (9007199254740993, 2000, 'a/b', x'6869', 'pub', 'alice', 2, 1, 1883, 1, 1, '${properties}');
  INSERT INTO base_msgs VALUES (5, 0, '42', NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL);
  INSERT INTO retains VALUES ('a/b', 9007199254740993);
  INSERT INTO clients VALUES ('c', 'bob', 0, 0, 1500, 1883, 0, 2, 1, 4294967295, 30);
  INSERT INTO clients VALUES ('anonymous', NULL, 0, 0, 0, 0, 0, 2, 1, 60, 0);
  INSERT INTO subscriptions VALUES ('c', 'a/#', 14, 7);
  INSERT INTO client_msgs VALUES ('c', 2, 9007199254740993, 0, 1, 12, 1, 0, 3, 7);
  INSERT INTO client_msgs VALUES ('c', 1, 5, 0, 0, 13, 2, 0, 7, 0);
  INSERT INTO wills VALUES ('c', x'7a', 'gone', 1, 1, 0, NULL);
`

function newDatabase(t: TestContext, statements: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-sqlite-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'mosquitto.sqlite3')
  const database = new DatabaseSync(path)
  database.exec(`PRAGMA journal_mode = WAL; ${statements}`)
  database.close()
  return path
}

test("mosquitto_persist_sqlite: what is in the database is read, numbers of messages beyond a double's among it", t => {
  const state = readMosquittoSqlite(newDatabase(t, schema + content))
  const id = 9_007_199_254_740_993n
  const message = state.messages.get(id)
  assert(message)
  assert.deepEqual(
    { ...message, payload: Buffer.from(message.payload).toString(), properties: undefined },
    {
      where: 'base_msgs, row 1',
      topicName: 'a/b',
      payload: 'hi',
      qos: 1,
      retain: true,
      properties: undefined,
      publisher: 'pub',
      user: { username: 'alice' },
      listenerPort: 1883,
      expiresAt: 2_000_000,
    },
  )
  assert.equal(Buffer.from(message.properties).toString('hex'), '1501010300046a736f6e0900020aff2600016b000176')
  const { topicName, payload, publisher, user } = state.messages.get(5n) ?? {}
  assert.deepEqual(
    { topicName, payload, publisher, user },
    {
      topicName: '42',
      payload: new Uint8Array(0),
      publisher: '',
      user: { username: undefined },
    },
  )
  assert.deepEqual(state.retained, [id])
  assert.deepEqual(state.subscriptions, [
    { where: 'subscriptions, row 1', clientId: 'c', fullFilter: 'a/#', options: 14, identifier: 7 },
  ])
  const [named, anonymous] = state.clients
  assert.deepEqual(
    [named?.user, named?.expiryInterval, named?.expiresAt, named?.listenerPort],
    [{ username: 'bob' }, 0xffff_ffff, 1_500_000, 1883],
  )
  assert.deepEqual([named?.will?.topicName, named?.will?.delay, named?.will?.qos], ['gone', 30, 1])
  assert.deepEqual(
    [anonymous?.user, anonymous?.expiresAt, anonymous?.will],
    [{ username: undefined }, undefined, undefined],
  )
  assert.deepEqual(
    state.deliveries.map(({ messageId, direction, packetId, state, subscriptionIdentifier }) => [
      messageId,
      direction,
      packetId,
      state,
      subscriptionIdentifier,
    ]),
    [
      [id, 'out', 12, 'sent', 7],
      [5n, 'in', 13, 'sent', 0],
    ],
  )
})

test('mosquitto_persist_sqlite: what is still in the write-ahead log counts, and nothing beside the file is touched', t => {
  const path = newDatabase(t, schema)
  const writing = new DatabaseSync(path)
  t.after(() => writing.close())
  writing.exec(`PRAGMA wal_autocheckpoint = 0; ${content}`)
  const directory = join(path, '..')
  const before = readdirSync(directory).map(name => [name, readFileSync(join(directory, name)).toString('hex')])
  assert.equal(readMosquittoSqlite(path).clients.length, 2)
  assert.deepEqual(
    readdirSync(directory).map(name => [name, readFileSync(join(directory, name)).toString('hex')]),
    before,
  )
})

test('mosquitto_persist_sqlite: another database, another schema or a wrong row is refused by table and row', t => {
  for (const [statements, why] of [
    ['CREATE TABLE clients (a)', /the database: it has no table base_msgs, retains, subscriptions, client_msgs;/],
    [`${schema} UPDATE version_info SET major = 2`, /the database: its schema has version 2, expected 1;/],
    [`${schema} INSERT INTO clients (client_id) VALUES (x'00')`, /clients, row 1: column client_id holds no text;/],
    [
      `${schema} INSERT INTO clients (client_id, listener_port) VALUES ('a', 'b')`,
      /clients, row 1: column listener_port holds no whole number;/,
    ],
    [
      `${schema} INSERT INTO base_msgs (store_id, topic, qos) VALUES (1, 't', 3)`,
      /base_msgs, row 1: quality of service 3 is none;/,
    ],
    [
      `${schema} INSERT INTO base_msgs (store_id, topic, properties) VALUES (1, 't', '[{"identifier":"content-type"}]')`,
      /base_msgs, row 1: its property content-type has a value that is none;/,
    ],
    [
      `${schema} INSERT INTO base_msgs (store_id, topic, properties) VALUES (1, 't', '{')`,
      /base_msgs, row 1: its properties are no JSON;/,
    ],
    [
      `${schema} INSERT INTO client_msgs (client_id, state) VALUES ('c', 99)`,
      /client_msgs, row 1: state 99 of a message is none;/,
    ],
  ] as const) {
    const path = newDatabase(t, statements)
    assert.equal(recogniseFile(path), 'mosquitto-sqlite')
    assert.throws(() => readForeignFile(path, 'mosquitto-sqlite'), { code: 'ERR_STORE_IMPORT', message: why })
  }
})

test('mosquitto_persist_sqlite: a database that is torn is refused, not half read', t => {
  const path = newDatabase(t, schema + content)
  const bytes = readFileSync(path)
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.length - 4096, 0xff)]))
  assert.throws(() => readForeignFile(path, 'mosquitto-sqlite'), {
    code: 'ERR_STORE_IMPORT',
    message: /cannot import '.*mosquitto\.sqlite3': the database: .*; nothing was imported;/,
  })
  assert.equal(isSqliteDatabase(bytes), true)
  assert.equal(isSqliteDatabase(Buffer.from('SQLite format 2\0')), false)
})
