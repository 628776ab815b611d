import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Outbox } from './outbox.ts'
import { TurnQueue, turnsPerRound } from './turn-queue.ts'

/** Connections that each take so many milliseconds for a turn, and want so many turns; `readingOn` is what follows each. */
function scene(milliseconds: number, readingOn = 0) {
  let now = 0
  const served: string[] = []
  const queue = new TurnQueue({ now: () => now })
  const add = (name: string, turns = 1) => {
    const connection = {
      left: turns,
      pump() {
        served.push(name)
        now += milliseconds
        this.left -= 1
        if (this.left > 0) queue.add(this)
        return readingOn
      },
    }
    queue.add(connection)
  }
  return { add, served }
}

test('turns: short ones are all had in one round', async () => {
  const { add, served } = scene(0.01)
  for (const name of ['a', 'b', 'c']) add(name)
  await setImmediate()
  assert.deepEqual(served, ['a', 'b', 'c'])
})

test('turns: of many short ones a round has a few, the others follow in their order', async () => {
  const { add, served } = scene(0)
  const names = Array.from({ length: 2 * turnsPerRound + 1 }, (_, number) => `c${number}`)
  for (const name of names) add(name)
  const counts: number[] = []
  for (let round = 0; round < 4; round++) {
    await setImmediate()
    counts.push(served.length)
  }
  assert.deepEqual(counts, [turnsPerRound, 2 * turnsPerRound, names.length, names.length])
  assert.deepEqual(served, names)
})

test('turns: what those who read on will need before the next round counts as theirs', async () => {
  const [light, heavy] = [scene(0, 0.01), scene(0, 0.25)]
  for (const name of ['a', 'b', 'c']) {
    light.add(name)
    heavy.add(name)
  }
  await setImmediate()
  assert.deepEqual([light.served, heavy.served], [['a', 'b', 'c'], ['a']])
  await setImmediate()
  assert.deepEqual(heavy.served, ['a', 'b'])
})

test('turns: a thousand that come back for more keep their order', async () => {
  const { add, served } = scene(0)
  const names = Array.from({ length: 1000 }, (_, number) => `c${number}`)
  for (const name of names) add(name, 3)
  while (served.length < 3000) await setImmediate()
  assert.deepEqual(served, [...names, ...names, ...names])
})

test('turns: however many want a long one, a round has one, and they take turns', async () => {
  const { add, served } = scene(5)
  for (const name of ['a', 'b', 'c']) add(name, 2)
  const rounds: string[] = []
  for (let round = 0; round < 6; round++) {
    await setImmediate()
    rounds.push(served.splice(0).join(''))
  }
  assert.deepEqual(rounds, ['a', 'b', 'c', 'a', 'b', 'c'])
  await setImmediate()
  assert.deepEqual(served, [])
})

test('turns: what others were answered leaves before the round, not behind it', async () => {
  const events: string[] = []
  const outbox = new Outbox()
  const queue = new TurnQueue({ now: () => 0 }, outbox)
  queue.add({ pump: () => events.push('round') })
  outbox.add({ flush: () => events.push('answer') })
  await setImmediate()
  assert.deepEqual(events, ['answer', 'round'])
})
