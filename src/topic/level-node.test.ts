import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clearNode, findNode, growNode, LevelNode } from './level-node.ts'

describe('LevelNode', () => {
  it('a cleared topic frees every level that held nothing else', () => {
    const root = new LevelNode<string>(undefined, '')
    growNode(root, 'a/b/c').content = 'one'
    const parent = growNode(root, 'a')
    parent.content = 'two'
    clearNode(findNode(root, 'a/b/c') ?? assert.fail('the topic was lost'))
    assert.equal(parent.children, undefined)
    clearNode(parent)
    assert.equal(root.children, undefined)
  })

  it('a cleared topic leaves the levels that others need', () => {
    const root = new LevelNode<string>(undefined, '')
    growNode(root, 'a/b').content = 'one'
    growNode(root, 'a/b/c').content = 'two'
    growNode(root, 'a/d').content = 'three'
    clearNode(growNode(root, 'a/b'))
    assert.equal(findNode(root, 'a/b')?.content, undefined)
    assert.equal(findNode(root, 'a/b/c')?.content, 'two')
    assert.equal(findNode(root, 'a/d')?.content, 'three')
  })

  it('finds levels of any alphabet and length again', () => {
    const root = new LevelNode<string>(undefined, '')
    for (const topic of ['größe/温度/🌡', `${'long'.repeat(100)}/${'länger'.repeat(100)}`, '', '/']) {
      growNode(root, topic).content = topic
      assert.equal(findNode(root, topic)?.content, topic)
    }
  })
})
