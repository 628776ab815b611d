import assert from 'node:assert/strict'
import test from 'node:test'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import type { Session } from '../session/session.ts'
import { type GroupTarget, Route } from './route.ts'
import { SharedGroup } from './shared-group.ts'

const [a, b, c] = ['a', 'b', 'c'].map(clientId => makeSession(clientId)) as [Session, Session, Session]

function route(plain: readonly Session[], ...groups: readonly (readonly Session[])[]): Route {
  const targets = groups.map((members, index): GroupTarget => {
    const group = new SharedGroup('#')
    return { group, members: members.map(session => makeSubscription(session, `$share/${index}/#`)) }
  })
  const subscriptions = plain.map((session, index) => makeSubscription(session, `t${'/#'.repeat(index % 2)}`))
  return new Route('t', subscriptions, targets, plain.length, 0)
}

for (const [what, made, overlaps] of [
  ['nobody', route([]), false],
  ['one session', route([a]), false],
  ['several sessions', route([a, b, c]), false],
  ['a session with two filters', route([a, b, a]), true],
  ['members of one group', route([], [a, b, c]), false],
  ['members of one group beside other sessions', route([a], [b, c]), false],
  ['a session with a filter of its own that is a member too', route([a], [b, a]), true],
  ['groups of different sessions', route([], [a], [b, c]), false],
  ['a session in two groups', route([], [a, b], [b, c]), true],
  ['a session in two groups beside another one', route([a], [b], [b]), true],
  ['a group of which nobody may receive the topic', route([a], []), false],
] as const) {
  test(`[MQTT-3.3.4-2] a route to ${what} ${overlaps ? 'may bring a message to one session twice' : 'brings each session one message'}`, () => {
    assert.equal(made.overlaps, overlaps)
  })
}

test('a route is as large as the subscriptions that it holds, and has its topic name as on the wire', () => {
  assert.deepEqual([route([]).size, route([a, b]).size, route([a], [b, c], [a]).size], [0, 2, 4])
  assert.deepEqual([...new Route('tä', [], [], 0, 0).encodedTopicName], [0, 3, 0x74, 0xc3, 0xa4])
})
