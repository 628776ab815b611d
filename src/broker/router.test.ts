import assert from 'node:assert/strict'
import test from 'node:test'
import { makeSession, makeSubscription } from '../../test/support/sessions.ts'
import type { Subscription } from '../session/subscription.ts'
import type { Route } from './route.ts'
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

test('who is being delivered to stays who it is, whatever changes meanwhile; a route that is over keeps no session alive', () => {
  const router = new LocalRouter()
  const outer = subscribe(router, 'a', 'outer')
  subscribe(router, 'b', 'inner')
  const route = router.route('outer')
  const { subscriptions } = route
  assert.deepEqual(reached(router, 'inner'), ['b inner'])
  router.unsubscribe(outer)
  assert.deepEqual([subscriptions, route.subscriptions], [[outer], []])
})

test('a route stays the same object until something changes that concerns it', () => {
  const router = new LocalRouter()
  subscribe(router, 'a', 'x')
  const route = router.route('x')
  assert.equal(router.route('x'), route)
  assert.equal(router.isCurrent(route), true)
  router.outdate()
  assert.equal(router.isCurrent(route), false)
  assert.notEqual(router.route('x'), route)
})

for (const [fullFilter, outdatesOthers] of [
  ['x', false],
  ['$share/g/x', false],
  ['x/#', true],
  ['+', true],
  ['#', true],
  ['$share/g/+', true],
] as const) {
  test(`a change of ${fullFilter} outdates the routes of ${outdatesOthers ? 'all topics' : 'its topic, and no other'}`, () => {
    const router = new LocalRouter()
    let routes = ['x', 'y', 'x/y'].map(topicName => router.route(topicName))
    const check = () => {
      assert.deepEqual(
        routes.map(route => router.isCurrent(route)),
        [false, !outdatesOthers, !outdatesOthers],
      )
      routes = ['x', 'y', 'x/y'].map(topicName => router.route(topicName))
      for (const route of routes) assert.equal(router.isCurrent(route), true)
    }
    const subscription = subscribe(router, 'a', fullFilter)
    check()
    router.unsubscribe(subscription)
    check()
  })
}

test('a route of a longer name than is remembered is never current; one of 256 characters is', () => {
  const router = new LocalRouter()
  for (const [length, expected] of [
    [256, true],
    [257, false],
  ] as const) {
    const topicName = 'x'.repeat(length)
    assert.equal(router.isCurrent(router.route(topicName)), expected)
    const subscription = subscribe(router, 'a', topicName)
    assert.deepEqual(router.route(topicName).subscriptions, [subscription])
    router.unsubscribe(subscription)
    assert.deepEqual(router.route(topicName).subscriptions, [])
  }
})

test('only members and subscribers who may receive the topic are on its route; all that match are counted', () => {
  const router = new LocalRouter()
  const sessions = ['x', 'y'].map(only => makeSession(only, topicName => topicName === only))
  for (const session of sessions) {
    for (const filter of ['#', '$share/g/#']) router.subscribe(makeSubscription(session, filter))
  }
  for (const topicName of ['x', 'y', 'z']) {
    const { subscriptions, groups, matched } = router.route(topicName)
    const expected = topicName === 'z' ? [] : [topicName]
    assert.deepEqual(
      subscriptions.map(({ session }) => session.clientId),
      expected,
    )
    assert.deepEqual(
      groups.map(({ members }) => members.map(({ session }) => session.clientId)),
      [expected],
    )
    assert.equal(matched, 2)
  }
})

/** Has routes been forgotten? Then none that somebody still holds may be taken for current. */
function checkForgotten(router: LocalRouter, first: Route, topicName: string): void {
  const isRemembered = router.route(topicName) === first
  assert.equal(isRemembered, false, 'the route was not forgotten')
  assert.equal(router.isCurrent(first), false)
  // Even when the change concerns its topic alone, which the router cannot tell it any more.
  const subscription = makeSubscription(makeSession('late'), topicName)
  router.subscribe(subscription)
  assert.equal(router.isCurrent(first), false)
  assert.ok(router.route(topicName).subscriptions.includes(subscription))
}

test('of 131,072 topics the routes are remembered; beyond, all are forgotten, and none is taken for current', () => {
  const router = new LocalRouter()
  const first = router.route('t0')
  for (let n = 1; n < 131_072; n++) router.route(`t${n}`)
  assert.equal(router.route('t0'), first)
  assert.equal(router.isCurrent(first), true)
  const last = router.route('one more')
  assert.equal(router.isCurrent(last), true)
  assert.equal(router.isCurrent(first), false)
  checkForgotten(router, first, 't0')
  assert.equal(router.route('one more'), last)
})

test('routes to a million subscriptions together are remembered, and beyond that all are forgotten', () => {
  const router = new LocalRouter()
  for (let n = 0; n < 1000; n++) subscribe(router, `c${n}`, '#')
  const first = router.route('t0')
  for (let n = 1; n < 1000; n++) router.route(`t${n}`)
  assert.equal(router.isCurrent(first), true)
  assert.equal(router.isCurrent(router.route('one more')), true)
  checkForgotten(router, first, 't0')
})

test('a topic that is routed anew again and again takes the room of one', () => {
  const router = new LocalRouter()
  for (let n = 0; n < 1000; n++) subscribe(router, `c${n}`, '#')
  const other = subscribe(router, 'other', 'y')
  const kept = router.route('kept')
  for (let n = 0; n < 1100; n++) {
    router.unsubscribe(other)
    router.subscribe(other)
    router.route('y')
  }
  assert.equal(router.isCurrent(kept), true)
})

test('after 1024 changes nothing that is outdated is left, and no ended session is kept alive by it', () => {
  const router = new LocalRouter()
  subscribe(router, 'ended', 'x')
  const route = router.route('x')
  for (let n = 0; n < 1024; n++) {
    assert.equal(route.subscriptions.length, 1)
    router.outdate()
  }
  assert.equal(route.subscriptions.length, 0)
})
