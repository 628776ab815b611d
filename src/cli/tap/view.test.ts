import assert from 'node:assert/strict'
import test from 'node:test'
import { messageLine, screenLines, valueText } from './screen.ts'
import { maximumDepth, maximumNodes, TopicTree } from './tree.ts'
import { TapView } from './view.ts'

const plain = { title: (text: string) => text, chosen: (text: string) => text, faint: (text: string) => text }
const keys = { up: '\x1b[A', down: '\x1b[B', right: '\x1b[C', left: '\x1b[D', escape: '\x1b' }
const size = { columns: 80, rows: 12 }
const height = 9

function message(topicName: string, text = 'x', retain = false) {
  return { topicName, payload: Buffer.from(text), retain }
}

function treeOf(...topics: readonly string[]): TopicTree {
  const tree = new TopicTree()
  for (const topicName of topics) tree.take(message(topicName))
  return tree
}

/** The rows as a person sees them, without columns and padding. */
function seen(tree: TopicTree, view: TapView): readonly string[] {
  return view.rows(tree).map(({ node, depth, isFolded }) => `${'  '.repeat(depth)}${node.level}${isFolded ? ' +' : ''}`)
}

test('each level of a topic is a row, in the order of their names, with empty levels too', () => {
  assert.deepEqual(seen(treeOf('b', 'a/c', 'a/b', '/x'), new TapView()), ['', '  x', 'a', '  b', '  c', 'b'])
})

test('a topic has its own messages, those below, its last value and its size; retained until an empty one takes it away', () => {
  const tree = treeOf('a', 'a/b', 'a/b')
  tree.take(message('a/b', 'last', true))
  const a = tree.root.children.get('a')
  const b = a?.children.get('b')
  assert.deepEqual([a?.messages, a?.total, b?.messages, b?.size, b?.retained], [1, 4, 3, 4, true])
  assert.equal(Buffer.from(b?.payload ?? []).toString(), 'last')
  tree.take(message('a/b', 'live'))
  assert.equal(b?.retained, true)
  tree.take(message('a/b', '', true))
  assert.equal(b?.retained, false)
})

test('a payload that is overwritten afterwards is shown as it was', () => {
  const tree = new TopicTree()
  const payload = Buffer.from('before')
  tree.take({ topicName: 'a', payload, retain: false })
  payload.fill('x')
  assert.equal(Buffer.from(tree.root.children.get('a')?.payload ?? []).toString(), 'before')
})

test('rates are messages a second, of a topic and of all below, and fall to 0 when nothing comes', () => {
  const tree = treeOf('a/b', 'a/b', 'a/c', 'a/c')
  tree.tick(2)
  const a = tree.root.children.get('a')
  assert.deepEqual([a?.rate, a?.children.get('b')?.rate, tree.root.rate], [2, 1, 2])
  for (let second = 0; second < 10; second++) tree.tick(1)
  assert.equal(a?.rate, 0)
})

test('topics beyond the limit are counted and not kept, and no topic is deeper than can be walked', () => {
  const tree = new TopicTree()
  for (let index = 0; index <= maximumNodes; index++) tree.take(message(`t${index}`))
  assert.deepEqual([tree.nodes, tree.untold], [maximumNodes, 1])
  const deep = new TopicTree()
  deep.take(message('/'.repeat(60_000)))
  assert.equal(deep.nodes, maximumDepth)
  assert.equal(new TapView().rows(deep).length, maximumDepth)
})

test('arrows move and fold: left folds, and then goes to the level above; right opens', () => {
  const tree = treeOf('a/b', 'a/c', 'd')
  const view = new TapView()
  view.press(keys.down + keys.down, tree, height)
  assert.equal(view.cursor, 2)
  view.press(keys.left, tree, height)
  assert.equal(view.cursor, 0, 'to the level above')
  view.press(keys.left, tree, height)
  assert.deepEqual(seen(tree, view), ['a +', 'd'])
  view.press('\x1bOC', tree, height)
  assert.deepEqual(seen(tree, view), ['a', '  b', '  c', 'd'])
  view.press(' ', tree, height)
  assert.deepEqual(seen(tree, view), ['a +', 'd'])
  view.press('G', tree, height)
  view.press(keys.down, tree, height)
  assert.equal(view.cursor, 1, 'no further than the last')
  view.press('g', tree, height)
  view.press(keys.up, tree, height)
  assert.equal(view.cursor, 0)
})

test('what is typed behind / filters topics; Enter keeps the filter, Esc takes it away, and q is then a letter', () => {
  const tree = treeOf('home/Quay/door', 'home/bed', 'quit')
  const view = new TapView()
  view.press('/q', tree, height)
  assert.deepEqual([view.isTyping, view.isOver, view.filter], [true, false, 'q'])
  view.press('uax\x7f\r', tree, height)
  assert.deepEqual([view.isTyping, view.filter], [false, 'qua'])
  assert.deepEqual(seen(tree, view), ['home', '  Quay', '    door'])
  view.press(keys.escape, tree, height)
  assert.equal(seen(tree, view).length, 5)
})

test('p pauses and goes on; q and Ctrl-C end it, Ctrl-C while a filter is typed, too', () => {
  const tree = treeOf('a')
  const view = new TapView()
  view.press('p', tree, height)
  assert.equal(view.isPaused, true)
  view.press('p', tree, height)
  assert.equal(view.isPaused, false)
  for (const pressed of ['q', '\x03', '/\x03']) {
    const other = new TapView()
    other.press(pressed, tree, height)
    assert.equal(other.isOver, true)
  }
})

test('the screen has as many lines as the terminal, none wider, and the chosen row is always on it', () => {
  const tree = treeOf(...Array.from({ length: 50 }, (_, index) => `level-${String(index).padStart(2, '0')}`))
  const view = new TapView()
  const draw = () => screenLines(tree, view, { source: 'localhost:1883  #', missed: 0 }, size, plain)
  for (const pressed of ['', 'G', keys.up, 'g', '\x1b[6~']) {
    view.press(pressed, tree, height)
    const lines = draw()
    assert.equal(lines.length, size.rows)
    assert.ok(lines.every(line => line.length <= size.columns))
    assert.equal(lines.filter(line => line.startsWith('>')).length, 1)
  }
  assert.match(draw().find(line => line.startsWith('>')) ?? '', /^> {2}level-09 +1 +0 +1 {2}x$/)
})

test('neither a topic, nor a payload, nor a filter steers the terminal', () => {
  const tree = treeOf('a\x1b[2Jb')
  tree.take(message('p', '\x1b]0;title\x07\u202e', true))
  const view = new TapView()
  view.press('/\u009b\u202e', tree, height)
  view.press(keys.escape, tree, height)
  const text = screenLines(tree, view, { source: 'h', missed: 0 }, size, plain).join('')
  assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f\u202e]/)
  assert.ok(text.includes('a\\x1b[2Jb') && text.includes('R\\x1b]0;title\\x07\\u{202e}'))
  assert.equal(messageLine(message('t\n', '\t', true)), 't\\x0a\tr\t1\t\\x09')
})

test('a payload is shown as text where it is UTF-8, also where its last character was cut, else in hexadecimal', () => {
  assert.equal(valueText(Buffer.from('grüß'), false, 200), 'grüß')
  assert.equal(valueText(Buffer.from('grüß').subarray(0, 5), true, 200), 'grü')
  assert.equal(valueText(Buffer.from('grüß').subarray(0, 5), false, 200), '0x6772c3bcc3')
  assert.equal(valueText(Buffer.from([0xff, 0x00]), true, 200), '0xff00')
  assert.equal(valueText(Buffer.alloc(0), false, 200), '')
})
