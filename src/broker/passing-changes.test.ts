import assert from 'node:assert/strict'
import test from 'node:test'
import type { SessionChange } from '../store/session-store.ts'
import { dropPassing } from './passing-changes.ts'

const nothing = new Uint8Array(0)

function putMessage(messageId: number): SessionChange {
  const message = {
    topicName: 'a',
    qos: 1,
    retain: false,
    publisher: '',
    properties: nothing,
    payload: nothing,
  } as const
  return { kind: 'put-message', messageId, ...message, expiresAt: undefined }
}

function putQueued(sequence: number, messageId: number, packetId = 0): SessionChange {
  const row = {
    sessionNumber: 1,
    message: undefined,
    qos: 1,
    retain: false,
    subscriptionIdentifiers: undefined,
    state: 'queued',
  } as const
  return { kind: 'put-queued', sequence, messageId, packetId, ...row }
}

const removeQueued = (sequence: number): SessionChange => ({ kind: 'remove-queued', sequence })
const removeMessage = (messageId: number): SessionChange => ({ kind: 'remove-message', messageId })

/** What is left of a batch in which message ids above 10 and sequences above 20 were given out. */
function left(changes: readonly SessionChange[]): readonly SessionChange[] {
  const batch = [...changes]
  dropPassing(batch, { message: 10, sequence: 20 }, { message: 15, sequence: 25 })
  return batch
}

test('a message that comes and goes in one batch is not written, and no trace of its rows is', () => {
  const session: SessionChange = { kind: 'remove-session', sessionNumber: 9 }
  const passing = [putMessage(11), putQueued(21, 11), putQueued(21, 11, 7), removeQueued(21), removeMessage(11)]
  assert.deepEqual(left([...passing.slice(0, 3), session, ...passing.slice(3)]), [session])
})

test('what an earlier batch has put is removed', () => {
  const changes = [removeQueued(20), removeMessage(10)]
  assert.deepEqual(left(changes), changes)
})

test('a message that another session still waits for is written with that row alone', () => {
  const changes = [putMessage(12), putQueued(22, 12), putQueued(23, 12), removeQueued(22)]
  assert.deepEqual(left(changes), [putMessage(12), putQueued(23, 12)])
})

test('an exchange that goes on under another number keeps its message', () => {
  const changes = [putMessage(15), putQueued(24, 15), removeQueued(24), putQueued(25, 15)]
  assert.deepEqual(left(changes), [putMessage(15), putQueued(25, 15)])
})
