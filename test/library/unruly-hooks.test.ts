// Hooks that do everything a hook should not: what the broker has promised to clients holds all the same.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { Hooks } from '../../src/library/index.ts'
import { embed, join } from '../support/embedded.ts'

/** By the number of a message; what becomes of it: `pass` once, as it is or with `!`; `taken` and given to nobody; or `refused`. */
const behaviours: readonly (readonly [outcome: 'pass' | 'changed' | 'taken' | 'refused', answer: () => unknown])[] = [
  ['pass', () => true],
  ['pass', async () => true],
  ['changed', () => ({ payload: '!' })],
  ['changed', () => Promise.resolve().then(() => ({ payload: '!' }))],
  ['taken', () => 'drop'],
  ['refused', () => false],
  ['refused', () => assert.fail('thrown')],
  ['refused', () => Promise.reject(new Error('rejected'))],
  ['refused', () => undefined],
  ['refused', () => new Promise(() => {})],
  ['refused', () => ({ topicName: '#' })],
  [
    'refused',
    () => ({
      get payload(): never {
        return assert.fail('a getter')
      },
    }),
  ],
]

const rounds = 4

for (const qos of [1, 2] as const) {
  test(`unruly hooks at QoS ${qos}: each message is acknowledged once, by what was decided, and delivered once, in order`, async t => {
    const { broker, port } = await embed(t, {
      allow_anonymous: true,
      // MQTT.js sends all at once.
      max_inflight_messages: behaviours.length * rounds,
      hookTimeout: 0.1,
      hooks: {
        incoming: ((_, { payload }) => {
          const [, answer] = behaviours[Number(payload) % behaviours.length] ?? []
          return answer?.()
        }) as Hooks['incoming'] & object,
      },
    })
    const heard = await broker.subscribe('t', { qos: 2, maxWaiting: 1000 })
    const client = await join(t, port, 'a')
    const numbers = Array.from({ length: behaviours.length * rounds }, (_, n) => n)
    const outcomes = await Promise.allSettled(numbers.map(n => client.publishAsync('t', String(n), { qos })))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      numbers.map(n => (behaviours[n % behaviours.length]?.[0] === 'refused' ? 'rejected' : 'fulfilled')),
    )
    await broker.publish('t', 'end', { qos: 1 })
    const expected = numbers.flatMap(n => {
      const [outcome] = behaviours[n % behaviours.length] ?? []
      return outcome === 'pass' ? [String(n)] : outcome === 'changed' ? ['!'] : []
    })
    const payloads: string[] = []
    for await (const { payload } of heard) {
      if (String(payload) === 'end') break
      payloads.push(String(payload))
    }
    assert.deepEqual(payloads, expected)
  })
}

test('unruly hooks for what is sent: each subscriber is judged by itself, and a refusal leaves no exchange behind', async t => {
  let asked = 0
  const answers = [() => true, () => false, () => assert.fail('thrown'), () => 'nonsense', async () => true]
  const { broker, port } = await embed(t, {
    allow_anonymous: true,
    max_inflight_messages: 5,
    hooks: { outgoing: (() => answers[asked++ % answers.length]?.()) as unknown as () => boolean },
  })
  const client = await join(t, port, 'a')
  let received = 0
  client.on('message', () => received++)
  await client.subscribeAsync('t', { qos: 2 })
  const all = answers.length * 20
  for (let n = 0; n < all; n++) await broker.publish('t', String(n), { qos: 2 })
  // Whatever was refused has taken no place among the five that may be under way: all others have come.
  const done = new Promise<void>(resolve => client.on('message', () => received === 20 && resolve()))
  if (received < 20) await done
  assert.equal(asked, all)
})
