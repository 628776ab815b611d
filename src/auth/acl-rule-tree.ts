// ACL rules by the levels of their topics, so that a check looks only at rules that can match.

import { growNode, LevelNode } from '../topic/level-node.ts'
import { isLevelEnd, isServerTopic, levelEnd } from '../topic/levels.ts'
import { type CertificateValues, isCertificateVariable } from './certificate-variables.ts'

export type AclAction = 'read' | 'write'
export type AclAccess = AclAction | 'readwrite' | 'deny'

export interface AclRule {
  /** Where it stands in the ACL file, from 1. */
  readonly line: number
  /** In a pattern, a level `%c` stands for the client id, `%u` for the username, and `%{cert.…}` for what is in the certificate. */
  readonly kind: 'topic' | 'pattern'
  readonly access: AclAccess
  /** Valid by `topicFilterFault`. */
  readonly topicFilter: string
  /** Whose rule it is: undefined for clients without a username, and for patterns. */
  readonly username: string | undefined
}

/** What stands for `%c` and `%u`; undefined makes rules that use it match nothing. A `/` in it spans levels. */
export interface PatternValues {
  readonly clientId: string | undefined
  readonly username: string | undefined
  /** What stands for `%{cert.…}`; undefined without a certificate. */
  readonly certificate?: Pick<CertificateValues, 'get'> | undefined
}

/** With the rules whose topic ends at a node, in the order of their lines. */
type Node = LevelNode<AclRule[]>

/**
 * Rules of one kind: of topic lines or of patterns, denials or grants, which are never mixed. `find` neither recurses
 * nor allocates, but for the levels that it looks up.
 */
export class AclRuleTree {
  readonly #root: Node = new LevelNode(undefined, '')
  // The walk's stack, two arrays in step: a node, and where in the topic name the level below it starts.
  readonly #nodes: Node[] = []
  readonly #starts: number[] = []
  /** The levels of its patterns that stand for what is in a certificate. */
  readonly #variables: string[] = []
  #size = 0

  get asksForCertificates(): boolean {
    return this.#variables.length > 0
  }

  get size(): number {
    return this.#size
  }

  /** @param rule of a later line than those that are here */
  add(rule: AclRule): void {
    const node = growNode(this.#root, rule.topicFilter)
    // Most nodes have one: an array that grows from nothing has room for many.
    if (node.content === undefined) node.content = [rule]
    else node.content.push(rule)
    this.#size++
    if (rule.kind === 'pattern') this.#noteVariables(rule.topicFilter)
  }

  #noteVariables(pattern: string): void {
    for (const level of pattern.split('/')) {
      if (isCertificateVariable(level) && !this.#variables.includes(level)) this.#variables.push(level)
    }
  }

  /**
   * The first rule of the file, behind the line `after`, that matches the topic and concerns the action. One whose topic does not begin
   * with `$` never matches a topic that does, whatever a variable stands for (features F6).
   *
   * @param values undefined in a tree of topic lines, where `%c` and `%u` are ordinary levels
   * @param after 0 for all lines
   */
  find(action: AclAction, topicName: string, values: PatternValues | undefined, after: number): AclRule | undefined {
    let found: AclRule | undefined
    this.#push(this.#root, 0)
    for (let node = this.#nodes.pop(); node !== undefined; node = this.#nodes.pop()) {
      const start = this.#starts.pop() as number
      const isOver = start > topicName.length
      if (isOver) found = earlier(found, firstFor(action, node.content, after))
      if (node.children === undefined) continue
      const onlyServerTopics = node === this.#root && isServerTopic(topicName)
      // `#` also stands for the level above it, hence before the topic's end is looked at.
      if (!onlyServerTopics) found = earlier(found, firstFor(action, node.children.get('#')?.content, after))
      if (isOver) continue
      this.#descend(node.children, topicName, start, onlyServerTopics, values)
    }
    return found
  }

  #descend(
    children: Map<string, Node>,
    topicName: string,
    start: number,
    onlyServerTopics: boolean,
    values: PatternValues | undefined,
  ): void {
    const end = levelEnd(topicName, start)
    const level = topicName.slice(start, end)
    // A client may well publish on a level that is literally "%c": in a pattern tree that node is not its match.
    if (values === undefined || !isVariable(level)) this.#push(children.get(level), end + 1)
    if (onlyServerTopics) return
    this.#push(children.get('+'), end + 1)
    if (values === undefined) return
    this.#pushVariable(children.get('%c'), topicName, start, values.clientId)
    this.#pushVariable(children.get('%u'), topicName, start, values.username)
    if (values.certificate === undefined) return
    for (let i = 0; i < this.#variables.length; i++) {
      const variable = this.#variables[i] as string
      const node = children.get(variable)
      if (node !== undefined) this.#pushVariable(node, topicName, start, values.certificate.get(variable))
    }
  }

  #pushVariable(node: Node | undefined, topicName: string, start: number, value: string | undefined): void {
    if (node === undefined || value === undefined || !topicName.startsWith(value, start)) return
    const end = start + value.length
    if (isLevelEnd(topicName, end)) this.#push(node, end + 1)
  }

  #push(node: Node | undefined, start: number): void {
    if (node === undefined) return
    this.#nodes.push(node)
    this.#starts.push(start)
  }
}

function isVariable(level: string): boolean {
  return level === '%c' || level === '%u' || isCertificateVariable(level)
}

/** A denial concerns both actions. */
function firstFor(action: AclAction, rules: readonly AclRule[] | undefined, after: number): AclRule | undefined {
  if (rules === undefined) return undefined
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as AclRule
    const { access } = rule
    if (rule.line > after && (access === action || access === 'readwrite' || access === 'deny')) return rule
  }
  return undefined
}

function earlier(one: AclRule | undefined, other: AclRule | undefined): AclRule | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return other.line < one.line ? other : one
}
