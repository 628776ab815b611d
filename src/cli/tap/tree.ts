// What `castellan tap` knows of each topic: the tree of levels, with counts, rates and the last message. Pure; bounded.

/** Levels that are kept; what comes on further topics is only counted. */
export const maximumNodes = 20_000
/** Levels below each other; what is deeper is one level with slashes in it. */
export const maximumDepth = 64
/** Bytes of a payload that are kept, to be shown. */
export const keptBytes = 256

export interface TopicNode {
  /** One level of a topic, as it came. */
  readonly level: string
  /** The whole topic; of a level without a message of its own, where it is. */
  readonly topicName: string
  readonly children: Map<string, TopicNode>
  /** Messages on this very topic; 0 for a level that others go through. */
  messages: number
  /** Messages on it and on all below. */
  total: number
  /** Messages a second, on it and on all below, smoothed. */
  rate: number
  /** Bytes of the last payload. */
  size: number
  /** Its first {@link keptBytes}. */
  payload: Uint8Array
  /** Whether the broker keeps its last message, as far as has been seen. */
  retained: boolean
  /** `total` at the last {@link TopicTree.tick}. */
  counted: number
}

export interface TappedMessage {
  readonly topicName: string
  readonly payload: Uint8Array
  readonly retain: boolean
}

export class TopicTree {
  readonly root: TopicNode = node('', '')
  /** Messages on topics for which there was no room. */
  untold = 0
  #nodes = 0

  get nodes(): number {
    return this.#nodes
  }

  /** Takes a message; its payload may be overwritten afterwards. */
  take({ topicName, payload, retain }: TappedMessage): void {
    const path = this.#pathTo(topicName)
    if (path === undefined) {
      this.untold += 1
      return
    }
    for (const passed of path) passed.total += 1
    const last = path.at(-1) ?? this.root
    last.messages += 1
    last.size = payload.length
    last.payload = Uint8Array.from(payload.subarray(0, keptBytes))
    // An empty retained message takes the kept one away.
    if (retain) last.retained = payload.length > 0
  }

  /** Works out the rates anew. @param seconds since the last time */
  tick(seconds: number): void {
    const waiting = [this.root]
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
      const now = (one.total - one.counted) / seconds
      one.rate = one.rate === 0 ? now : one.rate + (now - one.rate) * smoothing
      if (one.rate < lowestRate) one.rate = 0
      one.counted = one.total
      waiting.push(...one.children.values())
    }
  }

  /** @returns the root and each level to the topic; undefined when there is no room for what is missing */
  #pathTo(topicName: string): readonly TopicNode[] | undefined {
    const path = [this.root]
    let at = this.root
    let end = 0
    for (const level of levelsOf(topicName)) {
      end += level.length
      let next = at.children.get(level)
      if (next === undefined) {
        if (this.#nodes >= maximumNodes) return undefined
        next = node(level, topicName.slice(0, end))
        at.children.set(level, next)
        this.#nodes += 1
      }
      path.push(next)
      at = next
      end += 1
    }
    return path
  }
}

function levelsOf(topicName: string): readonly string[] {
  const levels = topicName.split('/')
  if (levels.length <= maximumDepth) return levels
  return [...levels.slice(0, maximumDepth - 1), levels.slice(maximumDepth - 1).join('/')]
}

const smoothing = 0.5
/** Messages a second below which it is 0. */
const lowestRate = 0.05

function node(level: string, topicName: string): TopicNode {
  return {
    level,
    topicName,
    children: new Map(),
    messages: 0,
    total: 0,
    rate: 0,
    size: 0,
    payload: new Uint8Array(),
    retained: false,
    counted: 0,
  }
}
