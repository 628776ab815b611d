// What every engine of the store does: run for each, by the tests beside it.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import type { PutRetained } from '../../src/store/retained-store.ts'
import type { PutMessage, PutQueued, PutSession, SessionRow, StoredMessage } from '../../src/store/session-store.ts'
import type { Store, StoreFault } from '../../src/store/store.ts'

export interface StoreEngine {
  readonly name: string
  /** A new, empty store that the test's end closes; what is wrong in it goes to `onFault`. */
  open(t: TestContext, onFault: (fault: StoreFault) => void): Promise<Store>
  /** Closes it and opens it again; undefined where nothing is left then. */
  readonly reopen: ((store: Store) => Promise<Store>) | undefined
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text))

export function session(sessionNumber: number, more: Partial<PutSession> = {}): PutSession {
  return {
    kind: 'put-session',
    sessionNumber,
    clientId: `client-${sessionNumber}`,
    owner: 'user:ann',
    principal: bytes('evidence'),
    expiryInterval: 3600,
    disconnectedAt: undefined,
    will: undefined,
    ...more,
  }
}

export function message(messageId: number, more: Partial<PutMessage> = {}): PutMessage {
  return {
    kind: 'put-message',
    messageId,
    topicName: 'plant/température/1',
    qos: 1,
    retain: false,
    publisher: 'sensor',
    properties: bytes('properties'),
    payload: bytes(`payload ${messageId}`),
    expiresAt: undefined,
    ...more,
  }
}

/** What a message says, as a row has it that holds its own. */
export function content(messageId: number, more: Partial<StoredMessage> = {}): StoredMessage {
  const { kind: _kind, messageId: _id, ...said } = message(messageId)
  return { ...said, ...more }
}

export function queued(sequence: number, messageId: number, more: Partial<PutQueued> = {}): PutQueued {
  return {
    kind: 'put-queued',
    sequence,
    sessionNumber: 1,
    messageId,
    message: undefined,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: undefined,
    packetId: 0,
    state: 'queued',
    ...more,
  }
}

export function retained(topicName: string, more: Partial<PutRetained> = {}): PutRetained {
  const { qos, publisher, properties, payload, expiresAt } = message(1)
  const fields = { qos, publisher, properties, payload, expiresAt, keptUntil: undefined }
  return { kind: 'put-retained', topicName, retain: true, ...fields, ...more }
}

export async function rowsOf<Row>(pages: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of pages) rows.push(...page)
  return rows
}

/** One of each kind and, where a field may be left out, one with it and one without. */
const everyRow: readonly SessionRow[] = [
  session(1),
  session(4_294_967_295, {
    clientId: 'größer',
    expiryInterval: 0xffff_ffff,
    disconnectedAt: 1_790_000_000_000.25,
    will: { delay: 30, record: bytes('will') },
  }),
  { kind: 'put-subscription', sessionNumber: 1, fullFilter: '$share/g/a/+', options: 0x2e, subscriptionIdentifier: 7 },
  { kind: 'put-subscription', sessionNumber: 1, fullFilter: 'x'.repeat(65_535), options: 0, subscriptionIdentifier: 0 },
  { kind: 'put-inbound', sessionNumber: 1, packetId: 65_535 },
  message(1),
  message(2 ** 40, {
    qos: 2,
    retain: true,
    publisher: '',
    expiresAt: 1_790_000_000_000,
    payload: new Uint8Array(300_000),
  }),
  queued(1, 1),
  queued(2 ** 41, 2 ** 40, {
    qos: 2,
    retain: true,
    subscriptionIdentifiers: [1, 268_435_455],
    packetId: 65_535,
    state: 'released',
  }),
  queued(2 ** 42, 3, { subscriptionIdentifiers: [9], message: content(3) }),
  queued(2 ** 43, 4, { message: content(4, { expiresAt: 1_790_000_000_000, properties: new Uint8Array(0) }) }),
]

const tableOf = {
  'put-subscription': 'subscriptions',
  'put-inbound': 'inbound',
  'put-message': 'messages',
  'put-queued': 'queue',
} as const

/** Registers the suite for one engine. */
export function testStore(engine: StoreEngine): void {
  const check = (name: string, run: (store: Store, faults: StoreFault[], t: TestContext) => Promise<void>) =>
    test(`store, ${engine.name}: ${name}`, async t => {
      const faults: StoreFault[] = []
      await run(await engine.open(t, fault => faults.push(fault)), faults, t)
    })

  check('a new store is empty', async store => {
    assert.deepEqual(await rowsOf(store.sessions.load()), [])
    assert.deepEqual(await rowsOf(store.retained.load()), [])
    assert.deepEqual(store.security.load(), { version: 0, documents: [] })
  })

  check('rows of every kind come back as they were, each kind in its order', async (store, faults) => {
    await store.sessions.apply(everyRow)
    assert.deepEqual(byKind(await rowsOf(store.sessions.load())), byKind(everyRow))
    assert.deepEqual(faults, [])
  })

  check('a batch that is applied again changes nothing', async store => {
    const batch = [
      ...everyRow,
      { kind: 'remove-queued', sequence: 1 },
      { kind: 'remove-message', messageId: 1 },
    ] as const
    await store.sessions.apply(batch)
    const once = await rowsOf(store.sessions.load())
    await store.sessions.apply(batch)
    assert.deepEqual(byKind(await rowsOf(store.sessions.load())), byKind(once))
    assert.equal(
      once.some(row => row.kind === 'put-queued' && row.sequence === 1),
      false,
    )
  })

  check('to remove what is not there is no fault', async (store, faults) => {
    await store.sessions.apply([
      { kind: 'remove-session', sessionNumber: 9 },
      { kind: 'remove-subscription', sessionNumber: 9, fullFilter: 'a' },
      { kind: 'remove-inbound', sessionNumber: 9, packetId: 1 },
      { kind: 'remove-queued', sequence: 9 },
      { kind: 'remove-message', messageId: 9 },
      session(1),
    ])
    await store.retained.apply([{ kind: 'remove-retained', topicName: 'none' }, retained('some')])
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1)])
    assert.deepEqual(await rowsOf(store.retained.load()), [retained('some')])
    assert.deepEqual(faults, [])
  })

  check('the last of two changes to one row counts, within a batch and between them', async store => {
    await store.sessions.apply([session(1), message(1), queued(1, 1), queued(1, 1, { packetId: 5, state: 'sent' })])
    await store.sessions.apply([queued(1, 1, { packetId: 5, qos: 2, state: 'released' })])
    const rows = await rowsOf(store.sessions.load())
    assert.deepEqual(rows.at(-1), queued(1, 1, { packetId: 5, qos: 2, state: 'released' }))
    assert.equal(rows.length, 3)
  })

  check('a batch with a change that cannot be stored does nothing at all', async store => {
    await assert.rejects(store.sessions.apply([session(1), session(0)]), /session number is 1 to 4294967295/)
    await store.sessions.apply([session(2)])
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(2)])
  })

  check('what is changed after `apply` has returned is not what is stored', async store => {
    const payload = bytes('before')
    const applied = store.sessions.apply([session(1), message(1, { payload }), queued(1, 1)])
    payload.fill(0)
    await applied
    assert.deepEqual((await rowsOf(store.sessions.load()))[1], message(1, { payload: bytes('before') }))
  })

  check('queue rows come in the order of their sequence, whatever order they were put in', async store => {
    await store.sessions.apply([
      session(1),
      message(1),
      queued(300, 1),
      queued(2, 1),
      queued(2 ** 33, 1),
      queued(256, 1),
    ])
    const rows = await rowsOf(store.sessions.load())
    assert.deepEqual(
      rows.flatMap(row => (row.kind === 'put-queued' ? [row.sequence] : [])),
      [2, 256, 300, 2 ** 33],
    )
  })

  check('a message that many sessions wait for is one row, and stays until it is removed', async store => {
    const sessions = Array.from({ length: 50 }, (_, index) => session(index + 1))
    const rows = sessions.map(({ sessionNumber }) => queued(sessionNumber, 1, { sessionNumber }))
    await store.sessions.apply([...sessions, message(1), ...rows])
    assert.equal(store.stats().rows.messages, 1)
    await store.sessions.apply(rows.slice(1).map(({ sequence }) => ({ kind: 'remove-queued', sequence })))
    assert.deepEqual((await rowsOf(store.sessions.load())).slice(-2), [message(1), rows[0]])
    await store.sessions.apply([
      { kind: 'remove-queued', sequence: 1 },
      { kind: 'remove-message', messageId: 1 },
    ])
    assert.equal(store.stats().rows.messages, 0)
  })

  check('nothing of a removed session is loaded, and its rows are freed', async (store, faults) => {
    await store.sessions.apply(everyRow)
    await store.sessions.apply([{ kind: 'remove-session', sessionNumber: 1 }])
    const [left] = await rowsOf(store.sessions.load())
    assert.equal(left?.kind === 'put-session' && left.sessionNumber, 4_294_967_295)
    await rowsOf(store.sessions.load())
    const { sessions, subscriptions, inbound, messages, queue } = store.stats().rows
    assert.deepEqual(
      { sessions, subscriptions, inbound, messages, queue },
      { sessions: 1, subscriptions: 0, inbound: 0, messages: 0, queue: 0 },
    )
    assert.deepEqual(faults, [])
  })

  check('a message that nobody waits for is freed by `load`, one that is waited for is not', async (store, faults) => {
    await store.sessions.apply([session(1), message(1), message(2), queued(1, 2)])
    await rowsOf(store.sessions.load())
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1), message(2), queued(1, 2)])
    assert.deepEqual(faults, [])
  })

  check('a queue row whose message is missing is named and dropped, the others are served', async (store, faults) => {
    await store.sessions.apply([session(1), message(2), queued(1, 1), queued(2, 2), queued(3, 3)])
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1), message(2), queued(2, 2)])
    assert.deepEqual(faults, [
      { table: 'queue', key: '0000000000000001', why: 'message 1, which it has for session 1, is missing' },
      { table: 'queue', key: '0000000000000003', why: 'message 3, which it has for session 1, is missing' },
    ])
    faults.length = 0
    await rowsOf(store.sessions.load())
    assert.deepEqual(faults, [], 'they are gone')
  })

  check('a row with its message needs no other, and keeps it until it is removed', async (store, faults) => {
    const payload = bytes('before')
    const applied = store.sessions.apply([session(1), queued(1, 1, { message: content(1, { payload }) })])
    payload.fill(0)
    await applied
    const row = queued(1, 1, { message: content(1, { payload: bytes('before') }) })
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1), row])
    assert.equal(store.stats().rows.messages, 0)
    await store.sessions.apply([message(1), queued(2, 1), { kind: 'remove-queued', sequence: 1 }])
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1), message(1), queued(2, 1)])
    assert.deepEqual(faults, [])
  })

  check('a message that is stored apart is waited for by rows that have it as well', async (store, faults) => {
    const rows = [session(1), message(1), queued(1, 1, { message: content(1) })]
    await store.sessions.apply(rows)
    await rowsOf(store.sessions.load())
    assert.deepEqual(await rowsOf(store.sessions.load()), rows)
    assert.deepEqual(faults, [])
  })

  check('what whoever reads it cannot use is named and gone, the rest stays', async (store, faults) => {
    const rows = [...everyRow].filter(row => row.kind !== 'put-session')
    await store.sessions.apply(everyRow)
    await store.retained.apply([retained('a'), retained('b')])
    const loaded = await rowsOf(store.sessions.load())
    const refused = rows.map(row => ({ row, why: 'no use' }))
    await store.sessions.setAside(refused)
    await store.retained.setAside([{ row: retained('a'), why: 'no use either' }])
    assert.deepEqual(
      faults.map(({ table }) => table),
      [...rows.map(({ kind }) => tableOf[kind as keyof typeof tableOf]), 'retained'],
    )
    assert.deepEqual(faults.at(-1), { table: 'retained', key: '61', why: 'no use either' })
    assert.equal(loaded.length, everyRow.length)
    assert.deepEqual(
      await rowsOf(store.sessions.load()),
      everyRow.filter(({ kind }) => kind === 'put-session'),
    )
    assert.deepEqual(await rowsOf(store.retained.load()), [retained('b')])
  })

  check('of a topic the last retained message is kept, and none after it was deleted', async store => {
    const long = `long/${'é'.repeat(300)}`
    await store.retained.apply([
      retained('a', { payload: bytes('1') }),
      retained('a', { payload: bytes('2') }),
      retained('b'),
    ])
    await store.retained.apply([{ kind: 'remove-retained', topicName: 'b' }, retained(long), retained(`${long}/1`)])
    const rows = await rowsOf(store.retained.load())
    assert.deepEqual(
      new Set(rows),
      new Set([retained('a', { payload: bytes('2') }), retained(long), retained(`${long}/1`)]),
    )
  })

  check('control data has one version for each change, and tells what changed since', async store => {
    assert.equal(await store.security.mutate([document('ann', 'one'), document('bob', 'two')]), 1)
    assert.equal(await store.security.mutate([document('ann', 'three'), { kind: 'remove-document', name: 'bob' }]), 2)
    assert.equal(store.security.head(), 2)
    assert.deepEqual(store.security.load(), {
      version: 2,
      documents: [{ name: 'ann', body: bytes('three'), version: 2 }],
    })
    assert.deepEqual(store.security.since(1), {
      version: 2,
      changes: [document('ann', 'three'), { kind: 'remove-document', name: 'bob' }],
    })
    assert.deepEqual(store.security.since(2), { version: 2, changes: [] })
  })

  check('changes of one turn are done in order, and one after the other', async store => {
    const done: number[] = []
    const batches = Array.from({ length: 20 }, (_, index) =>
      store.sessions.apply([session(1, { clientId: `${index}` })]).then(() => done.push(index)),
    )
    await Promise.all([...batches, store.retained.apply([retained('a')]), store.security.mutate([document('d', '')])])
    assert.deepEqual(
      done,
      [...done].sort((a, b) => a - b),
    )
    assert.deepEqual(await rowsOf(store.sessions.load()), [session(1, { clientId: '19' })])
  })

  check('a closed store refuses, and says so', async store => {
    const last = store.sessions.apply([session(1)])
    await store.close()
    await last
    const closed = { code: 'ERR_STORE_CLOSED', mayGoOn: false }
    await assert.rejects(store.sessions.apply([session(2)]), closed)
    await assert.rejects(store.retained.apply([retained('a')]), closed)
    await assert.rejects(store.security.mutate([document('a', '')]), closed)
    await store.close()
  })

  if (engine.reopen === undefined) return
  const { reopen } = engine
  check('what was applied is there after the store was closed and opened again', async (store, _, t) => {
    await Promise.all([
      store.sessions.apply(everyRow),
      store.retained.apply([retained('a')]),
      store.security.mutate([document('ann', 'one')]),
    ])
    const again = await reopen(store)
    t.after(() => again.close())
    assert.deepEqual(byKind(await rowsOf(again.sessions.load())), byKind(everyRow))
    assert.deepEqual(await rowsOf(again.retained.load()), [retained('a')])
    assert.deepEqual(again.security.load(), {
      version: 1,
      documents: [{ name: 'ann', body: bytes('one'), version: 1 }],
    })
    assert.equal(await again.security.mutate([document('bob', 'two')]), 2)
    assert.equal(again.security.since(0), undefined, 'removals of an earlier process are not known')
  })
}

function document(name: string, body: string) {
  return { kind: 'put-document', name, body: bytes(body) } as const
}

/** Subscriptions come in no promised order; all else does. */
function byKind(rows: readonly SessionRow[]): Record<string, unknown> {
  const { 'put-subscription': subscriptions = [], ...ordered } = Object.groupBy(rows, row => row.kind)
  return { ...ordered, subscriptions: new Set(subscriptions) }
}
