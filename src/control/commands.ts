// The commands of `$CONTROL/broker/v1`: Mosquitto's two lists, and what it has not: who is connected, and an end to it.

import { isIP } from 'node:net'
import type { CommandArguments } from '../dynsec/arguments.ts'
import { page } from '../dynsec/commands/lists.ts'
import { CommandError } from '../dynsec/errors.ts'
import { isMqttText, type JsonObject } from '../dynsec/json.ts'
import { BanList, type Banned, describeBan, readBan, readBanned } from './ban-list.ts'
import type { BrokerView, ConnectionView } from './broker-view.ts'

export interface ControlContext {
  readonly broker: BrokerView
  /** undefined where no file keeps them. */
  readonly bans: BanList | undefined
  /** Milliseconds since the epoch, by the wall clock. */
  readonly now: number
  /** Whoever asks. */
  readonly requester: Omit<Banned, 'address'>
  /** Does something once the answer has left: whoever asked may be concerned. */
  afterwards(act: () => void): void
  /** Tells the log what was done. */
  audit(details?: Readonly<Record<string, string | number>>): void
}

/** @throws CommandError when it cannot be carried out; nothing was done then */
export type ControlCommand = (given: CommandArguments, context: ControlContext) => JsonObject | undefined

/** Those whose answer waits until what they have changed is safe. */
export const changingCommands: ReadonlySet<string> = new Set(['createBan', 'deleteBan'])

/** Characters of what a client is told. */
const longestReason = 256

const commands: Readonly<Record<string, ControlCommand>> = {
  listListeners(_given, { audit, broker }) {
    audit()
    return { listeners: broker.listeners() }
  },
  listPlugins(_given, { audit, broker }) {
    audit()
    return { plugins: broker.plugins() }
  },
  listConnections(given, { audit, broker }) {
    const [offset, count] = [given.integer('offset', 0), given.integer('count', -1)]
    audit({ count, offset })
    const all = broker.connections()
    return { totalCount: all.length, connections: page(all, Math.max(0, offset), count).map(summary) }
  },
  inspectConnection(given, context) {
    const connection = connectionOf(given, context)
    context.audit({ clientid: connection.clientId })
    return { connection: { ...summary(connection), ...connection.describe() } }
  },
  explainAccess,
  disconnectClient(given, context) {
    const connection = connectionOf(given, context)
    const reason = reasonOf(given)
    context.audit({ clientid: connection.clientId, reason: reason ?? 'none' })
    context.afterwards(() => connection.disconnect(reason))
    return undefined
  },
  createBan,
  deleteBan(given, context) {
    const bans = bansOf(context)
    const { kind, value } = readBanned(given.object)
    if (!bans.remove({ kind, value })) throw new CommandError('Ban not found')
    context.audit({ [kind]: value })
    return undefined
  },
  listBans(given, context) {
    const [offset, count] = [given.integer('offset', 0), given.integer('count', -1)]
    context.audit({ count, offset })
    const all = bansOf(context).all(context.now)
    return { totalCount: all.length, bans: page(all, Math.max(0, offset), count).map(describeBan) }
  },
}

const byLowerCase: ReadonlyMap<string, readonly [name: string, command: ControlCommand]> = new Map(
  Object.entries(commands).map(entry => [entry[0].toLowerCase(), entry]),
)

/** Names are compared without regard to case. @returns with the name as it is documented */
export function findControlCommand(name: string): readonly [name: string, command: ControlCommand] | undefined {
  return byLowerCase.get(name.toLowerCase())
}

/** What stands in lists; JSON leaves out a name that is none. */
function summary({ clientId, username, address, port }: ConnectionView): JsonObject {
  return { clientid: clientId, username, address, port }
}

function connectionOf(given: CommandArguments, { broker }: ControlContext): ConnectionView {
  const connection = broker.connection(given.text('clientid', 'Invalid/missing client id'))
  if (connection === undefined) throw new CommandError('Client not found')
  return connection
}

function explainAccess(given: CommandArguments, context: ControlContext): JsonObject {
  const username = given.optionalText('username', 'Invalid/missing username')
  const clientId = given.optionalText('clientid', 'Invalid/missing client id') ?? username ?? ''
  const action = given.text('action', 'Invalid/missing action')
  const topic = given.text('topic', 'Invalid/missing topic')
  const isWill = given.boolean('will', false)
  const isRetained = given.boolean('retain', false)
  const certificate = given.optionalText('certificate', 'Invalid certificate')
  const address = given.optionalText('address', 'Invalid address')
  if (address !== undefined && isIP(address) === 0) throw new CommandError('Invalid address')
  const qos = qosOf(given, action)
  const further = { ...(address !== undefined && { address }), ...(qos !== undefined && { qos }) }
  context.audit({ username: username ?? 'none', clientid: clientId, action, topic, ...further })
  const question = { username, clientId, action, topic, isWill, isRetained }
  return context.broker.explain({ ...question, certificate, address, qos })
}

/** Only of what has one. */
function qosOf(given: CommandArguments, action: string): number | undefined {
  const qos = given.any('qos')
  if (qos === undefined) return undefined
  if ((action === 'publish' || action === 'subscribe') && (qos === 0 || qos === 1 || qos === 2)) return qos
  throw new CommandError('Invalid qos')
}

function createBan({ object }: CommandArguments, context: ControlContext): undefined {
  const bans = bansOf(context)
  const ban = readBan(object)
  if (ban.until !== undefined && ban.until <= context.now) throw new CommandError('Invalid until')
  const alone = new BanList()
  alone.add(ban)
  // Nobody locks themselves out.
  const { clientId = '' } = context.requester
  const { address = '' } = context.broker.connection(clientId) ?? {}
  if (alone.find({ ...context.requester, address }, context.now) !== undefined)
    throw new CommandError('Ban would include yourself')
  bans.add(ban)
  const { until = 'never', reason = 'none' } = describeBan(ban)
  context.audit({ [ban.kind]: ban.value, until: String(until), reason: String(reason) })
  context.broker.expelBanned()
}

function bansOf({ bans }: ControlContext): BanList {
  if (bans === undefined) throw new CommandError('No ban_file to keep bans in')
  return bans
}

function reasonOf(given: CommandArguments): string | undefined {
  const reason = given.optionalText('reason', 'Invalid reason')
  if (reason === undefined || (isMqttText(reason) && reason.length <= longestReason)) return reason
  throw new CommandError('Invalid reason')
}
