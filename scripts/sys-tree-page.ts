// The reference of the `$SYS` tree, made from the table that it is published from.

import { loadPeriods, sysFigures, sysLoads, sysPrefix } from '../src/observe/sys-tree.ts'

/** Topics of Mosquitto, of any version, that are not here, and why. A test compares Debian's with ours. */
export const absentTopics: Readonly<Record<string, string>> = {
  'messages/inflight':
    "Named by Mosquitto's manual only: version 2 does not publish it. `castellan_waiting_messages` counts what waits or is not acknowledged yet.",
  'heap/current size': "The manual's name for `heap/current`.",
  'heap/maximum size': "The manual's name for `heap/maximum`.",
  changeset: 'Of Mosquitto 1: its source revision. `version` says which program this is.',
  timestamp: 'Of Mosquitto 1: when it was built.',
}

/** All topics that are published, with the sentence that the reference has for each. */
export function sysTopics(): readonly (readonly [topic: string, doc: string])[] {
  const figures = Object.entries(sysFigures).flatMap(([name, { alias, doc }]) => [
    [name, doc] as const,
    ...(alias === undefined ? [] : [[alias, `An older name of \`${name}\`.`] as const]),
  ])
  const loads = Object.entries(sysLoads).flatMap(([name, { doc }]) =>
    Object.keys(loadPeriods).map(period => [`load/${name}/${period}`, doc] as const),
  )
  return [...texts, ...figures, ...loads].map(([name, doc]) => [sysPrefix + name, doc])
}

const texts = [
  ['version', '`castellan version ` and its number.'],
  ['uptime', 'How long the broker has been running, as `3600 seconds`.'],
] as const

/** The text of docs/reference/sys-tree.md. */
export function sysTreePage(): string {
  const plain = [...texts, ...Object.entries(sysFigures).map(figureRow)]
  const loads = Object.entries(sysLoads).map(([name, { doc }]) => [`load/${name}/`, doc] as const)
  const absent = Object.entries(absentTopics)
  return `${[
    introduction,
    table('topic', plain),
    '## Averages',
    averages,
    table('topic, without its last level', loads),
    '## Other topics',
    others,
    '## What differs from Mosquitto',
    differences,
    table('topic that is not here', absent),
  ].join('\n\n')}\n`
}

function figureRow([name, { alias, doc }]: [string, (typeof sysFigures)[string]]): readonly [string, string] {
  return [name, alias === undefined ? doc : `${doc} Also under its older name, \`${sysPrefix}${alias}\`.`]
}

function table(heading: string, rows: readonly (readonly [name: string, doc: string])[]): string {
  return [`| ${heading} | |`, '|---|---|', ...rows.map(([name, doc]) => `| \`${sysPrefix}${name}\` | ${doc} |`)].join(
    '\n',
  )
}

const introduction = `# The $SYS tree

Made by \`npm run docs\` from the table in \`src/observe/sys-tree.ts\`.

The broker publishes figures about itself below \`$SYS/broker\`, under the names that Mosquitto 2.1 has, retained and at QoS 2:
all of them at the start, then every \`sys_interval\` seconds (10), when the machine's clock passes a multiple of it, those that
have changed. \`sys_interval 0\` publishes none; a reload that changes the interval counts at once, and what is retained stays.
Values are whole numbers without a unit unless the table says otherwise; totals are since the start.

\`mosquitto_sub -t '$SYS/#' -v\` shows them. A filter that begins with a wildcard does not: \`#\` has no topic that begins with \`$\`.
Who may read them is for the rules to say: an ACL file needs \`topic read $SYS/#\`, dynamic security the role \`sys-observe\`;
where rules deny by default, nobody may. Nobody but the broker publishes there, except the state of a bridge
(\`$SYS/broker/connection/NAME/state\`). For Prometheus, [metrics.md](metrics.md) has the same figures and more.`

const averages = `How often something happens in a minute, averaged over one, five and fifteen minutes as the load of a Unix machine is:
exponentially damped, with two decimals. The last level is ${Object.keys(loadPeriods)
  .map(period => `\`${period}\``)
  .join(', ')}.`

const others = `\`log_dest topic\` publishes log lines below \`$SYS/broker/log\`: \`E\` errors, \`W\` warnings, \`N\` notices, \`I\` information,
\`M/subscribe\` and \`M/unsubscribe\`; at QoS 2, not retained, kept for 20 seconds for a subscriber that is away. Debug lines are never
published: each would make more of them. At most 1000 lines of one turn of the event loop are.`

const differences = `- \`heap/current\` is the memory of the process; Mosquitto's is what it has allocated itself.
- \`store/messages/count\` counts a message in each session that it waits in; Mosquitto counts it once.
- \`packet/out/count\` and \`packet/out/bytes\` count connections that are behind, and bytes; Mosquitto's count packets.
- What many sessions and connections add up to is counted by a census of a second or so: a figure may be that old.
- An average is published whenever its text changes, down to \`0.00\`; Mosquitto stops when it changes by less than 0.01.
- A maximum is published from the start; Mosquitto's only when it has passed 1.
- A copy for a subscriber that is away is kept for a minute: newer ones follow.`
