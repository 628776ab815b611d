import assert from 'node:assert/strict'
import test from 'node:test'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import { permitOwn } from '../auth/principal.ts'
import { Message } from '../session/message.ts'
import type { Subscription } from '../session/subscription.ts'
import { LocalRouter } from './router.ts'

function reached(router: LocalRouter, topicName: string): string[] {
  const count = router.route(permitOwn(new Message(topicName, new Uint8Array(0), 0, false, 'p')))
  return router.reached
    .splice(-count, count)
    .map(({ session, fullFilter }) => `${session.clientId} ${fullFilter}`)
    .sort()
}

function subscribe(router: LocalRouter, clientId: string, fullFilter: string): Subscription {
  const subscription = makeSubscription(makeSession(clientId), fullFilter)
  router.subscribe(subscription)
  return subscription
}

test('[MQTT-3.3.2-3] [v3.1.1 MQTT-3.3.2-3] a message reaches every plain subscription that matches, and no other', () => {
  const router = new LocalRouter()
  subscribe(router, 'a', 'x/#')
  subscribe(router, 'a', 'x/+')
  subscribe(router, 'b', 'x/y')
  subscribe(router, 'c', 'y')
  assert.deepEqual(reached(router, 'x/y'), ['a x/#', 'a x/+', 'b x/y'])
  assert.deepEqual(reached(router, 'z'), [])
})

test('§4.8.2: of each shared group that matches one member is reached', () => {
  const router = new LocalRouter()
  for (const clientId of ['a', 'b']) subscribe(router, clientId, '$share/g/x/#')
  subscribe(router, 'c', '$share/g/x/y')
  subscribe(router, 'd', '$share/h/x/#')
  assert.deepEqual(reached(router, 'x/y'), ['a $share/g/x/#', 'c $share/g/x/y', 'd $share/h/x/#'])
  assert.deepEqual(reached(router, 'x/y'), ['b $share/g/x/#', 'c $share/g/x/y', 'd $share/h/x/#'])
})

test('what was unsubscribed is not reached any more, and counts follow', () => {
  const router = new LocalRouter()
  const plain = subscribe(router, 'a', 'x')
  const shared = ['b', 'c'].map(clientId => subscribe(router, clientId, '$share/g/x'))
  assert.deepEqual([router.subscriptionCount, router.sharedSubscriptionCount], [3, 2])
  router.unsubscribe(plain)
  router.unsubscribe(plain)
  assert.deepEqual([router.subscriptionCount, router.sharedSubscriptionCount], [2, 2])
  router.unsubscribe(shared[0]!)
  router.unsubscribe(shared[0]!)
  assert.deepEqual(reached(router, 'x'), ['c $share/g/x'])
  router.unsubscribe(shared[1]!)
  assert.deepEqual([reached(router, 'x'), router.subscriptionCount], [[], 0])
})

test('a group whose last member left begins anew with the next one', () => {
  const router = new LocalRouter()
  for (const clientId of ['a', 'b']) {
    const only = subscribe(router, clientId, '$share/g/x')
    assert.deepEqual(reached(router, 'x'), [`${clientId} $share/g/x`])
    router.unsubscribe(only)
  }
})

test('a message that is routed while another one is delivered leaves that one’s subscriptions where they are', () => {
  const router = new LocalRouter()
  const outer = subscribe(router, 'a', 'outer')
  subscribe(router, 'b', 'inner')
  assert.equal(router.route(permitOwn(new Message('outer', new Uint8Array(0), 0, false, 'p'))), 1)
  assert.deepEqual(reached(router, 'inner'), ['b inner'])
  assert.deepEqual(router.reached, [outer])
})
