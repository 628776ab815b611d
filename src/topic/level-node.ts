// The tree that topics make: one node per level, found and grown by walking a topic, never by splitting it.

import { levelEnd, ownedLevel } from './levels.ts'

/** A level of a topic; wildcards are levels like others. A node lives while it has content or children. */
export class LevelNode<C> {
  /** undefined at the root only. */
  readonly parent: LevelNode<C> | undefined
  readonly level: string
  /** By level; created with the first child, gone with the last. */
  children: Map<string, LevelNode<C>> | undefined = undefined
  /** What belongs to the topic that ends here. */
  content: C | undefined = undefined
  constructor(parent: LevelNode<C> | undefined, level: string) {
    this.parent = parent
    this.level = level
  }
}

/** The node of a topic, if the tree has it. */
export function findNode<C>(root: LevelNode<C>, topic: string): LevelNode<C> | undefined {
  let node: LevelNode<C> | undefined = root
  for (let start = 0; node !== undefined && start <= topic.length; ) {
    const end = levelEnd(topic, start)
    node = node.children?.get(topic.slice(start, end))
    start = end + 1
  }
  return node
}

/** The node of a topic, grown with all above it where missing; its caller gives it content at once. */
export function growNode<C>(root: LevelNode<C>, topic: string): LevelNode<C> {
  let node = root
  for (let start = 0; start <= topic.length; ) {
    const end = levelEnd(topic, start)
    node = growChild(node, topic.slice(start, end))
    start = end + 1
  }
  return node
}

function growChild<C>(node: LevelNode<C>, level: string): LevelNode<C> {
  node.children ??= new Map()
  let child = node.children.get(level)
  if (child === undefined) {
    child = new LevelNode(node, ownedLevel(level))
    node.children.set(child.level, child)
  }
  return child
}

/** Takes a node's content away, and frees it and all above it that thereby became empty. */
export function clearNode<C>(leaf: LevelNode<C>): void {
  leaf.content = undefined
  let node = leaf
  while (node.parent !== undefined && node.content === undefined && node.children === undefined) {
    const siblings = node.parent.children as Map<string, LevelNode<C>>
    siblings.delete(node.level)
    if (siblings.size === 0) node.parent.children = undefined
    node = node.parent
  }
}
