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
  const names: string[] = []
  tree.match(topicFilter, topicName => names.push(topicName))
  return names
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
    const values: string[] = []
    tree.match('b', (_topicName, value) => values.push(value))
    assert.deepEqual(values, ['value of b'])
  })

  it('[MQTT-4.7.2-1] keeps $-topics from filters that begin with a wildcard', () => {
    const tree = treeOf('$SYS', '$SYS/a', 'x', 'x/$SYS')
    assert.deepEqual(namesOf(tree, '#'), ['x', 'x/$SYS'])
    assert.deepEqual(namesOf(tree, '+'), ['x'])
    assert.deepEqual(namesOf(tree, '+/a'), [])
    assert.deepEqual(namesOf(tree, 'x/+'), ['x/$SYS'])
    assert.deepEqual(namesOf(tree, '$SYS/#'), ['$SYS', '$SYS/a'])
  })

  it('lets the visitor delete what it visits and what comes later', () => {
    const tree = treeOf('a/1', 'a/2', 'a/3', 'b')
    const visited: string[] = []
    tree.match('#', topicName => {
      visited.push(topicName)
      tree.delete(topicName)
      tree.delete('a/2')
    })
    assert.deepEqual(visited, ['a/1', 'a/3', 'b'])
    assert.equal(tree.size, 0)
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
      let found = -1
      tree.match(`devices/${device}/state`, (_topicName, value) => {
        found = value
      })
      assert.equal(found, device)
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
            const matched: [string, number][] = []
            tree.match(filter, (name, value) => matched.push([name, value]))
            assert.deepEqual(matched.sort(), expected.sort())
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
