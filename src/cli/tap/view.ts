// Where a person is in the tree of `castellan tap`: the row that is chosen, what is folded, what is looked for; and what the keys
// do. Pure.

import type { TopicNode, TopicTree } from './tree.ts'

export interface Row {
  readonly node: TopicNode
  /** 0 for the first level of a topic. */
  readonly depth: number
  readonly isFolded: boolean
}

/** Characters of a filter that is typed. */
const longestFilter = 64

export class TapView {
  /** The number of the chosen row. */
  cursor = 0
  /** The number of the first row on the screen. */
  top = 0
  /** Topics that do not have this in them are not shown. */
  filter = ''
  /** What is typed goes to the filter. */
  isTyping = false
  isPaused = false
  /** `q`, or Ctrl-C. */
  isOver = false
  readonly #folded = new Set<TopicNode>()

  /** The rows that can be seen when the screen is long enough, in the order of the names. */
  rows(tree: TopicTree): readonly Row[] {
    const rows: Row[] = []
    this.#addBelow(tree.root, 0, rows)
    this.cursor = Math.max(0, Math.min(this.cursor, rows.length - 1))
    return rows
  }

  /** Moves the window so that the chosen row is in it. @param height rows of the screen */
  scroll(rowCount: number, height: number): void {
    if (this.cursor < this.top) this.top = this.cursor
    if (this.cursor >= this.top + height) this.top = this.cursor - height + 1
    this.top = Math.max(0, Math.min(this.top, rowCount - height))
  }

  /** @param input what a terminal sends, of one key or of several */
  press(input: string, tree: TopicTree, height: number): void {
    for (const key of keysOf(input)) {
      if (key === '\x03') this.isOver = true
      else if (this.isTyping) this.#type(key)
      else this.#command(key, tree, height)
    }
  }

  #addBelow(parent: TopicNode, depth: number, rows: Row[]): void {
    for (const node of [...parent.children.values()].sort(byLevel)) {
      if (!this.#isWanted(node)) continue
      const isFolded = this.#folded.has(node)
      rows.push({ node, depth, isFolded })
      if (!isFolded) this.#addBelow(node, depth + 1, rows)
    }
  }

  #isWanted(node: TopicNode): boolean {
    if (this.filter === '') return true
    if (node.messages > 0 && node.topicName.toLowerCase().includes(this.filter.toLowerCase())) return true
    return [...node.children.values()].some(child => this.#isWanted(child))
  }

  #command(key: string, tree: TopicTree, height: number): void {
    const rows = this.rows(tree)
    const row = rows[this.cursor]
    const last = Math.max(0, rows.length - 1)
    if (key === 'q') this.isOver = true
    else if (key === 'p') this.isPaused = !this.isPaused
    else if (key === '/') this.isTyping = true
    else if (key === '\x1b') this.filter = ''
    else if (key in steps) this.cursor = Math.max(0, Math.min(last, this.cursor + (steps[key] ?? 0)))
    else if (key in pages) this.cursor = Math.max(0, Math.min(last, this.cursor + (pages[key] ?? 0) * height))
    else if (row !== undefined) this.#fold(key, row, rows)
  }

  #fold(key: string, { node, depth, isFolded }: Row, rows: readonly Row[]): void {
    const opens = key === '\x1b[C' || key === 'l' || (isToggle(key) && isFolded)
    const closes = key === '\x1b[D' || key === 'h' || (isToggle(key) && !isFolded)
    if (opens) this.#folded.delete(node)
    else if (closes && node.children.size > 0 && !isFolded) this.#folded.add(node)
    else if (closes && !isToggle(key)) {
      const above = rows.slice(0, this.cursor).findLastIndex(other => other.depth < depth)
      if (above >= 0) this.cursor = above
    }
  }

  #type(key: string): void {
    if (key === '\r' || key === '\n') this.isTyping = false
    else if (key === '\x1b') {
      this.isTyping = false
      this.filter = ''
    } else if (key === '\x7f' || key === '\b') this.filter = [...this.filter].slice(0, -1).join('')
    else if (!/[\x00-\x1f\x7f]/.test(key) && this.filter.length < longestFilter) this.filter += key
  }
}

const steps: Readonly<Record<string, number>> = { '\x1b[A': -1, k: -1, '\x1b[B': 1, j: 1 }
const pages: Readonly<Record<string, number>> = { '\x1b[5~': -1, '\x1b[6~': 1, g: -Infinity, G: Infinity }

function isToggle(key: string): boolean {
  return key === '\r' || key === ' '
}

/** One of `\x1b[A`, `\x1b[5~` and their kin, or a character. */
function keysOf(input: string): readonly string[] {
  return input.replaceAll('\x1bO', '\x1b[').match(/\x1b\[[\d;]*[A-Za-z~]|./gsu) ?? []
}

function byLevel(one: TopicNode, other: TopicNode): number {
  return one.level < other.level ? -1 : 1
}
