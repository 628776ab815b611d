// The commands that are timed: each on something that is there once, so that none is refused.

import { setTimeout as delay } from 'node:timers/promises'
import { Asker } from './asker.ts'
import { aclsFor, clientName, commonRole, groupName, membersOf, roleName, type Size } from './dataset.ts'
import { type LongestWait, Pinger } from './pinger.ts'
import { LeftAloneError } from './waiter.ts'

export interface CommandFigures {
  readonly name: string
  /** Milliseconds until the answer; undefined for what nobody has asked for. */
  readonly median: number | undefined
  readonly most: number | undefined
  /** Of another client meanwhile; undefined where the broker closed the connection instead. */
  readonly others: LongestWait | undefined
}

export interface CommandPlan {
  readonly size: Size
  /** That each command is sent, where it can be. */
  readonly times: number
  /** Milliseconds after which a broker has written what it writes behind its answers. */
  readonly settleMs: number
}

type TimedCommands = readonly TimedCommand[]

interface TimedCommand {
  readonly name: string
  /** Once, where there is nothing to do it a second time on. */
  readonly times?: number
  readonly command: (turn: number, size: Size) => object | readonly object[]
}

const usual: TimedCommands = [
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
]

/** What concerns everybody. */
const large: TimedCommands = [
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

/** @returns up to the command that a broker did not survive @throws BenchError */
export async function timeCommands(
  port: number,
  brokerPid: number,
  plan: CommandPlan,
): Promise<readonly CommandFigures[]> {
  const { size, times: most, settleMs } = plan
  const asker = await Asker.join(port)
  const pinger = await Pinger.join(port, brokerPid)
  const figures: CommandFigures[] = []
  let asked = ''
  const timeAll = async (commands: TimedCommands, behind: string) => {
    for (const { name, times = most, command } of commands) {
      const waits: number[] = []
      asked = name
      await pinger.takeLongest()
      for (let turn = 0; turn < Math.min(times, most); turn++) {
        waits.push(await asker.ask(...[command(turn, size)].flat()))
      }
      figures.push({ name, median: median(waits), most: Math.max(...waits), others: await pinger.takeLongest() })
    }
    await delay(settleMs)
    figures.push({ name: behind, median: undefined, most: undefined, others: await pinger.takeLongest() })
  }
  try {
    await timeAll(usual, 'the file behind these')
    await timeAll(large, 'the file behind those')
    return figures
  } catch (error) {
    if (!(error instanceof LeftAloneError)) throw error
    return [...figures, { name: asked, median: undefined, most: undefined, others: undefined }]
  } finally {
    asker.leave()
    pinger.leave()
  }
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]
}
