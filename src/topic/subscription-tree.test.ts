import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyFilter, anyName, naivelyMatches } from '../../test/support/topics.ts'
import { SubscriptionTree } from './subscription-tree.ts'

function matchesOf<T>(tree: SubscriptionTree<T>, topicName: string): T[] {
  const matched: T[] = []
  tree.match(topicName, matched)
  return matched
}

function treeOf(...pairs: [string, string][]): SubscriptionTree<string> {
  const tree = new SubscriptionTree<string>()
  for (const [filter, subscriber] of pairs) tree.add(filter, subscriber)
  return tree
}

describe('SubscriptionTree', () => {
  it('§4.7: finds exact, + and # filters, and the parent level of #', () => {
    const tree = treeOf(
      ['a/b', 'exact'],
      ['a/+', 'plus'],
      ['a/#', 'hash'],
      ['#', 'all'],
      ['a/b/#', 'below'],
      ['b', 'other'],
    )
    assert.deepEqual(matchesOf(tree, 'a/b').sort(), ['all', 'below', 'exact', 'hash', 'plus'])
    assert.deepEqual(matchesOf(tree, 'a').sort(), ['all', 'hash'])
    assert.deepEqual(matchesOf(tree, 'c'), ['all'])
  })

  it('[MQTT-4.7.2-1] keeps $-topics from filters that begin with a wildcard', () => {
    const tree = treeOf(['#', 'all'], ['+/x', 'plus'], ['+/#', 'both'], ['$SYS/#', 'sys'], ['$SYS/+', 'below'])
    assert.deepEqual(matchesOf(tree, '$SYS/x').sort(), ['below', 'sys'])
    assert.deepEqual(matchesOf(tree, '$SYS'), ['sys'])
  })

  it('§4.7.1.1: tells empty levels apart', () => {
    const tree = treeOf(['a//b', 'empty'], ['a/b', 'none'], ['/', 'slash'], ['//', 'two'])
    assert.deepEqual(matchesOf(tree, 'a//b'), ['empty'])
    assert.deepEqual(matchesOf(tree, '/'), ['slash'])
    assert.deepEqual(matchesOf(tree, '//'), ['two'])
  })

  it('appends to what is there, subscribers of one filter in the order of their subscriptions', () => {
    const tree = treeOf(['a', 'third'], ['a', 'first'], ['a', 'second'], ['a', 'first'])
    const matched = ['before']
    tree.match('a', matched)
    assert.deepEqual(matched, ['before', 'third', 'first', 'second'])
    assert.equal(tree.size, 3)
  })

  it('gives a subscriber once for each of its matching filters', () => {
    assert.deepEqual(matchesOf(treeOf(['a', 's'], ['+', 's'], ['b', 's']), 'a'), ['s', 's'])
  })

  it('removes one pair and says whether it was there', () => {
    const tree = treeOf(['a/b', 's'], ['a/b', 't'], ['a/b/c', 's'])
    assert.equal(tree.remove('a/b', 's'), true)
    assert.equal(tree.remove('a/b', 's'), false)
    assert.equal(tree.remove('a', 's'), false)
    assert.equal(tree.remove('x/y/z', 's'), false)
    assert.equal(tree.size, 2)
    assert.deepEqual(matchesOf(tree, 'a/b'), ['t'])
    assert.deepEqual(matchesOf(tree, 'a/b/c'), ['s'])
  })

  it('stands filters and names of 65,536 levels', () => {
    const filter = '/'.repeat(65535)
    const tree = treeOf([filter, 'deep'], ['+/'.repeat(32767), 'plus'], ['/#', 'hash'])
    assert.deepEqual(matchesOf(tree, filter).sort(), ['deep', 'hash'])
    assert.deepEqual(matchesOf(tree, 'a/'.repeat(32767)), ['plus'])
    assert.equal(tree.remove(filter, 'deep'), true)
    assert.deepEqual(matchesOf(tree, filter), ['hash'])
  })

  it('removes 100,000 subscribers of one filter in any order without a scan for each', () => {
    const tree = new SubscriptionTree<number>()
    const count = 100_000
    for (let subscriber = 0; subscriber < count; subscriber++) tree.add('a', subscriber)
    assert.equal(matchesOf(tree, 'a').length, count)
    for (let subscriber = 0; subscriber < count; subscriber += 2) assert.equal(tree.remove('a', subscriber), true)
    for (let subscriber = count - 1; subscriber > 0; subscriber -= 2) assert.equal(tree.remove('a', subscriber), true)
    assert.equal(tree.size, 0)
    assert.deepEqual(matchesOf(tree, 'a'), [])
  })

  it('§4.7: agrees with a list of pairs whatever is added and removed', () => {
    const change = fc.record({ adds: fc.boolean(), filter: anyFilter, subscriber: fc.nat(3) })
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 40 }),
        fc.array(anyName, { minLength: 1, maxLength: 5 }),
        (changes, names) => {
          const tree = new SubscriptionTree<number>()
          const pairs = new Map<string, { filter: string; subscriber: number }>()
          for (const { adds, filter, subscriber } of changes) {
            const pair = `${subscriber} ${filter}`
            if (adds) {
              tree.add(filter, subscriber)
              pairs.set(pair, { filter, subscriber })
            } else {
              assert.equal(tree.remove(filter, subscriber), pairs.delete(pair))
            }
          }
          assert.equal(tree.size, pairs.size)
          for (const name of names) {
            const expected = [...pairs.values()].filter(pair => naivelyMatches(pair.filter, name))
            assert.deepEqual(matchesOf(tree, name).sort(), expected.map(pair => pair.subscriber).sort())
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
