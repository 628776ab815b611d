// The commands that are timed: each on something that is there once, so that none is refused.

import { setTimeout as delay } from 'node:timers/promises'
import { Asker, Pinger } from './asker.ts'
import { aclsFor, clientName, commonRole, groupName, membersOf, roleName, type Size } from './dataset.ts'

export interface CommandFigures {
  readonly name: string
  /** Milliseconds until the answer. */
  readonly median: number
  readonly most: number
  /** Milliseconds: the longest wait of another client meanwhile. */
  readonly stall: number
}

interface TimedCommand {
  readonly name: string
  /** Once, where there is nothing to do it a second time on. */
  readonly times?: number
  readonly command: (turn: number, size: Size) => object | readonly object[]
}

const usualTimes = 20
/** What a broker writes behind the answers is over by then. */
const settleMs = 4000

const timed: readonly TimedCommand[] = [
  { name: 'createClient', command: turn => ({ command: 'createClient', username: `new-${turn}` }) },
  {
    name: 'createClient, password',
    command: turn => ({ command: 'createClient', username: `secret-${turn}`, password: 'a password' }),
  },
  {
    name: 'createClient, role and group',
    command: (turn, size) => ({
      command: 'createClient',
      username: `member-${turn}`,
      roles: [{ rolename: roleName(turn % size.roles) }],
      groups: [{ groupname: groupName(turn % size.groups) }],
    }),
  },
  {
    name: 'createClient, 100 in one message',
    command: turn =>
      Array.from({ length: 100 }, (_, i) => ({ command: 'createClient', username: `many-${turn}-${i}` })),
  },
  {
    name: 'addClientRole',
    command: turn => ({ command: 'addClientRole', username: `new-${turn}`, rolename: commonRole }),
  },
  {
    name: 'addGroupClient',
    command: turn => ({ command: 'addGroupClient', username: `new-${turn}`, groupname: groupName(0) }),
  },
  {
    name: 'modifyGroup, its members',
    command: (turn, size) => ({
      command: 'modifyGroup',
      groupname: groupName(turn % size.groups),
      clients: membersOf(turn % size.groups, size),
    }),
  },
  {
    name: 'createRole',
    command: turn => ({ command: 'createRole', rolename: `new-${turn}`, acls: aclsFor(`new/${turn}`) }),
  },
  {
    name: 'addRoleACL',
    command: turn => ({
      command: 'addRoleACL',
      rolename: roleName(1),
      acltype: 'subscribeLiteral',
      topic: `new/${turn}`,
      allow: true,
    }),
  },
  { name: 'deleteRole, of some clients', command: turn => ({ command: 'deleteRole', rolename: roleName(turn + 10) }) },
  {
    name: 'setDefaultACLAccess',
    command: turn => ({
      command: 'setDefaultACLAccess',
      acls: [
        { acltype: 'subscribe', allow: turn % 2 === 0 },
        { acltype: 'publishClientReceive', allow: true },
      ],
    }),
  },
  { name: 'disableClient', command: turn => ({ command: 'disableClient', username: clientName(turn + 100) }) },
  { name: 'deleteClient', command: turn => ({ command: 'deleteClient', username: clientName(turn + 100) }) },
  { name: 'listClients, 100 of them', command: () => ({ command: 'listClients', count: 100, offset: 50 }) },
  {
    name: 'addRoleACL, role of all clients',
    times: 3,
    command: turn => ({
      command: 'addRoleACL',
      rolename: commonRole,
      acltype: 'subscribeLiteral',
      topic: `all/${turn}`,
      allow: true,
    }),
  },
  { name: 'deleteRole, of all clients', times: 1, command: () => ({ command: 'deleteRole', rolename: commonRole }) },
]

/** @param most times that each is sent, where it can be @throws BenchError */
export async function timeCommands(port: number, size: Size, most = usualTimes): Promise<readonly CommandFigures[]> {
  const asker = await Asker.join(port)
  const pinger = await Pinger.join(port)
  try {
    const figures: CommandFigures[] = []
    for (const { name, times = most, command } of timed) {
      const waits: number[] = []
      pinger.takeLongest()
      for (let turn = 0; turn < Math.min(times, most); turn++) {
        waits.push(await asker.ask(...[command(turn, size)].flat()))
      }
      figures.push({ name, median: median(waits), most: Math.max(...waits), stall: pinger.takeLongest() })
      process.stderr.write(`${name}: ${waits.map(ms => ms.toFixed(1)).join(' ')}\n`)
    }
    await delay(settleMs)
    const stall = pinger.takeLongest()
    figures.push({ name: 'the file behind it', median: Number.NaN, most: Number.NaN, stall })
    return figures
  } finally {
    asker.leave()
    pinger.leave()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
