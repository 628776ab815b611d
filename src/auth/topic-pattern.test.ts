import assert from 'node:assert/strict'
import test from 'node:test'
import { TopicPattern } from './topic-pattern.ts'

const values = { clientId: 'c1', username: 'ann' }

function covers(pattern: string, topic: string, by: Partial<typeof values> = values): boolean {
  return new TopicPattern(pattern).covers(topic, { clientId: by.clientId, username: by.username })
}

const cases: readonly (readonly [pattern: string, covered: readonly string[], notCovered: readonly string[]])[] = [
  ['a/b', ['a/b'], ['a', 'a/b/', 'a/bc', 'a/+', 'a/#', 'A/b', '/a/b']],
  ['a/#', ['a', 'a/', 'a/b', 'a/b/c', 'a/+', 'a/#', 'a/+/c'], ['b', 'ab', '#', '+', '+/b', '$a/b']],
  ['a/+', ['a/', 'a/b', 'a/+'], ['a', 'a/b/c', 'a/#', '#']],
  ['+/b', ['a/b', '/b', '+/b'], ['a/c', '#', '$a/b', '+/#']],
  ['#', ['a', 'a/b', '+', '#', '+/a'], ['$SYS/a', '$CONTROL/x', '$share/g/a']],
  ['$SYS/#', ['$SYS', '$SYS/a', '$SYS/#'], ['$CONTROL/a', 'SYS/a', '#']],
  ['$share/g/#', ['$share/g/a', '$share/g/#'], ['$share/h/a', 'a']],
  ['a/%c/b', ['a/c1/b'], ['a/%c/b', 'a/c2/b', 'a/+/b', 'a/c1', 'a/c11/b']],
  ['%u/#', ['ann', 'ann/x'], ['%u', 'bob/x', '$SYS/x']],
  ['a/x%c', ['a/x%c'], ['a/xc1']],
  ['a/#/b', [], ['a', 'a/b', 'a/#/b', 'a/x/b']],
  ['a#', [], ['a', 'a#', 'ab']],
  ['', [], ['a', '#']],
]

for (const [pattern, covered, notCovered] of cases) {
  test(`dynsec 4: "${pattern}" covers all of what it names, and nothing beside it`, () => {
    for (const topic of covered) assert.equal(covers(pattern, topic), true, topic)
    for (const topic of notCovered) assert.equal(covers(pattern, topic), false, topic)
  })
}

test('dynsec 4: a variable without a value covers nothing', () => {
  assert.equal(covers('a/%u', 'a/ann', { clientId: 'c1' }), false)
  assert.equal(covers('a/%u', 'a/undefined', { clientId: 'c1' }), false)
})

test('dynsec 4: a name with a slash stands for as many levels, and no name reaches topics that begin with $', () => {
  assert.equal(covers('a/%c/b', 'a/x/y/b', { clientId: 'x/y' }), true)
  assert.equal(covers('a/%c/b', 'a/x/b', { clientId: 'x/y' }), false)
  assert.equal(covers('%c/#', '$CONTROL/dynamic-security/v1', { clientId: '$CONTROL' }), false)
})
