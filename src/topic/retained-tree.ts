// One value per topic name, found by name or by filter: where retained messages are looked up.

import { clearNode, findNode, growNode, LevelNode } from './level-node.ts'
import { isServerTopic, levelEnd } from './levels.ts'

interface Entry<T> {
  readonly topicName: string
  value: T
}

type Node<T> = LevelNode<Entry<T>>

/** What a walk has yet to look at: the rest of one node's children, by the filter level that starts at `start`. */
interface Branch<T> {
  readonly children: Iterator<Node<T>, undefined>
  /** Whether `$…` children are left out: they are when a wildcard is the filter's first level. */
  readonly skipsServerTopics: boolean
  readonly start: number
}

/** In place of a filter offset: the filter's `#` was met, all below matches. */
const everything = -1

/**
 * Topic names (valid by `topicNameFault`), each with one value. No method recurses. A filter without wildcards costs its
 * levels, whatever the tree's size; a wildcard costs the topics below it.
 */
export class RetainedTree<T> {
  #size = 0
  readonly #root: Node<T> = new LevelNode(undefined, '')

  /** How many topics have a value. */
  get size(): number {
    return this.#size
  }

  get(topicName: string): T | undefined {
    return findNode(this.#root, topicName)?.content?.value
  }

  /** Replaces the topic's value, if it has one. */
  set(topicName: string, value: T): void {
    const node = growNode(this.#root, topicName)
    if (node.content !== undefined) {
      node.content.value = value
      return
    }
    node.content = { topicName, value }
    this.#size++
  }

  /** Whether the topic had a value. What became empty is freed. */
  delete(topicName: string): boolean {
    const node = findNode(this.#root, topicName)
    if (node?.content === undefined) return false
    clearNode(node)
    this.#size--
    return true
  }

  /** A walk over every topic that a valid filter matches, each once. */
  match(topicFilter: string): RetainedWalk<T> {
    return new RetainedWalk(this.#root, topicFilter)
  }
}

/**
 * A walk in small steps, with whatever time between them. The tree may change meanwhile: what is deleted is not found
 * afterwards, what is added may be, and what stays is found.
 */
export class RetainedWalk<T> {
  readonly #root: Node<T>
  readonly #topicFilter: string
  /** The walk's stack; undefined before the first step. */
  #branches: Branch<T>[] | undefined = undefined
  #found: Entry<T> | undefined = undefined

  constructor(root: Node<T>, topicFilter: string) {
    this.#root = root
    this.#topicFilter = topicFilter
  }

  /** The matching topic that the last step came to, if it came to one. */
  get topicName(): string | undefined {
    return this.#found?.topicName
  }

  /** Its value. */
  get value(): T | undefined {
    return this.#found?.value
  }

  /** Looks at one more node of the tree. @returns false when there is none left */
  step(): boolean {
    this.#found = undefined
    if (this.#branches === undefined) {
      this.#branches = []
      this.#enter(this.#root, 0, this.#branches)
      return true
    }
    const branch = this.#branches.at(-1)
    if (branch === undefined) return false
    const next = branch.children.next()
    if (next.done) this.#branches.pop()
    else if (!branch.skipsServerTopics || !isServerTopic(next.value.level)) {
      this.#enter(next.value, branch.start, this.#branches)
    }
    return true
  }

  /** Follows the filter's exact levels down from a node, to its end or to a wildcard, which becomes one more branch. */
  #enter(from: Node<T>, fromStart: number, branches: Branch<T>[]): void {
    const topicFilter = this.#topicFilter
    let node: Node<T> | undefined = from
    let start = fromStart
    while (node !== undefined) {
      const end = levelEnd(topicFilter, start)
      const level: string = start === everything ? '#' : topicFilter.slice(start, end)
      const isOver = start > topicFilter.length
      // `#` also stands for the level above it.
      if (isOver || level === '#') this.#found = node.content
      if (isOver || node.children === undefined) return
      if (level === '#' || level === '+') {
        const below = level === '#' ? everything : end + 1
        branches.push({ children: node.children.values(), skipsServerTopics: node === this.#root, start: below })
        return
      }
      node = node.children.get(level)
      start = end + 1
    }
  }
}
