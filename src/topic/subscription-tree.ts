// Who subscribed to what: a tree of filter levels, so that a publish looks only at filters that can match its topic.

import { clearNode, findNode, growNode, LevelNode } from './level-node.ts'
import { isServerTopic, levelEnd } from './levels.ts'

type Node<T> = LevelNode<Set<T>>

/**
 * Pairs of topic filter and subscriber. Filters are valid (`topicFilterFault`) and without a `$share` prefix. No method
 * recurses, so depth costs memory but never the stack; `match` visits no node twice.
 */
export class SubscriptionTree<T> {
  #size = 0
  readonly #root: Node<T> = new LevelNode(undefined, '')
  // The walk's stack, two arrays in step: a node, and where in the topic name the level below it starts. Kept between
  // calls and always empty there, so that a match allocates only the levels it looks up.
  readonly #nodes: Node<T>[] = []
  readonly #starts: number[] = []

  /** How many pairs are in the tree. */
  get size(): number {
    return this.#size
  }

  /** Adding a pair again changes nothing. */
  add(topicFilter: string, subscriber: T): void {
    const node = growNode(this.#root, topicFilter)
    node.content ??= new Set()
    if (node.content.has(subscriber)) return
    node.content.add(subscriber)
    this.#size++
  }

  /** Whether the pair was there. What became empty is freed. */
  remove(topicFilter: string, subscriber: T): boolean {
    const node = findNode(this.#root, topicFilter)
    if (node?.content?.delete(subscriber) !== true) return false
    this.#size--
    if (node.content.size === 0) clearNode(node)
    return true
  }

  /**
   * Appends every subscriber of every matching filter: once for each of its filters, subscribers of one filter in the
   * order in which they were added.
   */
  match(topicName: string, matched: T[]): void {
    this.#push(this.#root, 0)
    for (let node = this.#nodes.pop(); node !== undefined; node = this.#nodes.pop()) {
      this.#visit(node, this.#starts.pop() as number, topicName, matched)
    }
  }

  #visit(node: Node<T>, start: number, topicName: string, matched: T[]): void {
    const isOver = start > topicName.length
    if (isOver) collect(node, matched)
    if (node.children === undefined) return
    const wildcardsMatch = node !== this.#root || !isServerTopic(topicName)
    // `#` also stands for the level above it, hence before the topic's end is looked at.
    if (wildcardsMatch) collect(node.children.get('#'), matched)
    if (isOver) return
    const end = levelEnd(topicName, start)
    if (wildcardsMatch) this.#push(node.children.get('+'), end + 1)
    this.#push(node.children.get(topicName.slice(start, end)), end + 1)
  }

  #push(node: Node<T> | undefined, start: number): void {
    if (node === undefined) return
    this.#nodes.push(node)
    this.#starts.push(start)
  }
}

function collect<T>(node: Node<T> | undefined, matched: T[]): void {
  if (node?.content === undefined) return
  for (const subscriber of node.content) matched.push(subscriber)
}
