// How the trees of this room walk a topic level by level without splitting it into an array.

const slash = 0x2f
const dollar = 0x24

/** Where the level that starts at `start` ends: the offset of its `/`, or the topic's length. */
export function levelEnd(topic: string, start: number): number {
  const end = topic.indexOf('/', start)
  return end === -1 ? topic.length : end
}

/** Whether a level ends at this offset: there is a `/`, or the topic is over. */
export function isLevelEnd(topic: string, offset: number): boolean {
  return offset === topic.length || topic.charCodeAt(offset) === slash
}

/** Whether the topic belongs to the server (`$SYS/…`): a leading wildcard never matches it [MQTT-4.7.2-1]. */
export function isServerTopic(topicName: string): boolean {
  return topicName.charCodeAt(0) === dollar
}

// From this length on, V8 makes a slice that points into the string it was cut from.
const shortestView = 13

/**
 * A level that may be kept: a copy when a plain slice would hold on to the whole topic. Without it a few small
 * subscriptions could keep alive the 65,535 byte filters they once shared a level with.
 *
 * @param level well-formed Unicode, as every topic that came through the decoder is
 */
export function ownedLevel(level: string): string {
  return level.length < shortestView ? level : Buffer.from(level).toString()
}
