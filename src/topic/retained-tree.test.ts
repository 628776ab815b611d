import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyFilter, anyName, naivelyMatches } from '../../test/support/topics.ts'
import { RetainedTree } from './retained-tree.ts'

function treeOf(...topicNames: string[]): RetainedTree<string> {
  const tree = new RetainedTree<string>()
  for (const topicName of topicNames) tree.set(topicName, `value of ${topicName}`)
  return tree
}

function namesOf<T>(tree: RetainedTree<T>, topicFilter: string): string[] {
  return entriesOf(tree, topicFilter).map(([topicName]) => topicName)
}

function entriesOf<T>(tree: RetainedTree<T>, topicFilter: string): [string, T | undefined][] {
  const entries: [string, T | undefined][] = []
  for (const walk = tree.match(topicFilter); walk.step(); ) {
    if (walk.topicName !== undefined) entries.push([walk.topicName, walk.value])
  }
  return entries
}

describe('RetainedTree', () => {
  it('keeps one value per topic name', () => {
    const tree = new RetainedTree<number>()
    tree.set('a/b', 1)
    tree.set('a/b', 2)
    tree.set('a', 3)
    assert.equal(tree.size, 2)
    assert.equal(tree.get('a/b'), 2)
    assert.equal(tree.get('a'), 3)
    assert.equal(tree.get('b'), undefined)
    assert.equal(tree.get('a/'), undefined)
  })

  it('deletes a topic and leaves what is above and below it', () => {
    const tree = treeOf('a', 'a/b', 'a/b/c')
    assert.equal(tree.delete('a/b'), true)
    assert.equal(tree.delete('a/b'), false)
    assert.equal(tree.delete('x'), false)
    assert.deepEqual(namesOf(tree, '#'), ['a', 'a/b/c'])
    assert.equal(tree.size, 2)
  })

  it('§4.7: visits what a filter matches, with its value', () => {
    const tree = treeOf('a', 'a/b', 'a/c', 'a/b/d', 'b', '/')
    assert.deepEqual(namesOf(tree, 'a/#'), ['a', 'a/b', 'a/b/d', 'a/c'])
    assert.deepEqual(namesOf(tree, 'a/+'), ['a/b', 'a/c'])
    assert.deepEqual(namesOf(tree, '+/+/d'), ['a/b/d'])
    assert.deepEqual(namesOf(tree, '/'), ['/'])
    assert.deepEqual(entriesOf(tree, 'b'), [['b', 'value of b']])
  })

  it('[MQTT-4.7.2-1] keeps $-topics from filters that begin with a wildcard', () => {
    const tree = treeOf('$SYS', '$SYS/a', 'x', 'x/$SYS')
    assert.deepEqual(namesOf(tree, '#'), ['x', 'x/$SYS'])
    assert.deepEqual(namesOf(tree, '+'), ['x'])
    assert.deepEqual(namesOf(tree, '+/a'), [])
    assert.deepEqual(namesOf(tree, 'x/+'), ['x/$SYS'])
    assert.deepEqual(namesOf(tree, '$SYS/#'), ['$SYS', '$SYS/a'])
  })

  it('what is deleted during a walk is not found any more, all else is, with the value it has then', () => {
    const tree = treeOf('a/1', 'a/2', 'a/3', 'b', 'c/1')
    const found: [string, string | undefined][] = []
    for (const walk = tree.match('#'); walk.step(); ) {
      const { topicName, value } = walk
      if (topicName === undefined) continue
      found.push([topicName, value])
      for (const gone of [topicName, 'a/2', 'c/1']) tree.delete(gone)
      if (topicName === 'a/1') tree.set('b', 'replaced')
    }
    assert.deepEqual(found, [
      ['a/1', 'value of a/1'],
      ['a/3', 'value of a/3'],
      ['b', 'replaced'],
    ])
    assert.equal(tree.size, 0)
  })

  it('a step looks at one node, whether it matches or not', () => {
    const tree = new RetainedTree<number>()
    for (let n = 0; n < 1000; n++) tree.set(`a/${n}`, n)
    tree.set('a/1/x', 0)
    const walk = tree.match('+/+/x')
    let steps = 0
    while (walk.step() && walk.topicName === undefined) steps++
    assert.ok(steps >= 3 && steps <= 10, `${steps} steps to a/1/x`)
    while (walk.step()) steps++
    assert.ok(steps > 1000)
  })

  it('stands names and filters of 65,536 levels', () => {
    const name = '/'.repeat(65535)
    const tree = treeOf(name, 'a/'.repeat(32767))
    assert.deepEqual(namesOf(tree, '#').length, 2)
    assert.deepEqual(namesOf(tree, name), [name])
    assert.deepEqual(namesOf(tree, '+/'.repeat(32767)), ['a/'.repeat(32767)])
    assert.equal(tree.delete(name), true)
    assert.equal(tree.get(name), undefined)
  })

  it('visits nothing but the topic itself for an exact filter, among many', () => {
    const tree = new RetainedTree<number>()
    for (let device = 0; device < 50_000; device++) tree.set(`devices/${device}/state`, device)
    assert.equal(tree.size, 50_000)
    for (let device = 0; device < 50_000; device++) {
      const walk = tree.match(`devices/${device}/state`)
      assert.ok(walk.step())
      assert.equal(walk.value, device)
      assert.equal(walk.step(), false)
    }
  })

  it('§4.7: agrees with a map of names whatever is set and deleted', () => {
    const change = fc.record({ sets: fc.boolean(), name: anyName, value: fc.nat() })
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 40 }),
        fc.array(anyFilter, { minLength: 1, maxLength: 5 }),
        (changes, filters) => {
          const tree = new RetainedTree<number>()
          const values = new Map<string, number>()
          for (const { sets, name, value } of changes) {
            if (sets) {
              tree.set(name, value)
              values.set(name, value)
            } else {
              assert.equal(tree.delete(name), values.delete(name))
            }
          }
          assert.equal(tree.size, values.size)
          for (const filter of filters) {
            const expected = [...values].filter(([name]) => naivelyMatches(filter, name))
            assert.deepEqual(entriesOf(tree, filter).sort(), expected.sort())
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
