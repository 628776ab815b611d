import assert from 'node:assert/strict'
import test from 'node:test'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import type { Subscription } from '../session/subscription.ts'
import { LocalRouter } from './router.ts'

/** Whom a message reaches now: every plain subscription, and of each group the member whose turn it is. */
function reached(router: LocalRouter, topicName: string): string[] {
  const { subscriptions, groups } = router.route(topicName)
  const chosen = groups.map(({ group, members }) => group.choose(members, 0, 0))
  return [...subscriptions, ...chosen.filter(member => member !== undefined)].map(nameOf).sort()
}

function nameOf({ session, fullFilter }: Subscription): string {
  return `${session.clientId} ${fullFilter}`
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

test('a topic that is routed while another one’s message is delivered leaves that one’s route as it is', () => {
  const router = new LocalRouter()
  const outer = subscribe(router, 'a', 'outer')
  subscribe(router, 'b', 'inner')
  const route = router.route('outer')
  assert.deepEqual(reached(router, 'inner'), ['b inner'])
  router.unsubscribe(outer)
  assert.deepEqual(route.subscriptions, [outer])
})
