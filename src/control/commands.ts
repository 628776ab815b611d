// The commands of `$CONTROL/broker/v1`: Mosquitto's two lists, and what it has not: who is connected, and an end to it.

import type { CommandArguments } from '../dynsec/arguments.ts'
import { page } from '../dynsec/commands/lists.ts'
import { CommandError } from '../dynsec/errors.ts'
import { isMqttText, type JsonObject } from '../dynsec/json.ts'
import type { BrokerView, ConnectionView } from './broker-view.ts'

export interface ControlContext {
  readonly broker: BrokerView
  /** Does something once the answer has left: whoever asked may be concerned. */
  afterwards(act: () => void): void
  /** Tells the log what was done. */
  audit(details?: Readonly<Record<string, string | number>>): void
}

/** @throws CommandError when it cannot be carried out; nothing was done then */
export type ControlCommand = (given: CommandArguments, context: ControlContext) => JsonObject | undefined

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
  disconnectClient(given, context) {
    const connection = connectionOf(given, context)
    const reason = reasonOf(given)
    context.audit({ clientid: connection.clientId, reason: reason ?? 'none' })
    context.afterwards(() => connection.disconnect(reason))
    return undefined
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

function reasonOf(given: CommandArguments): string | undefined {
  const reason = given.optionalText('reason', 'Invalid reason')
  if (reason === undefined || (isMqttText(reason) && reason.length <= longestReason)) return reason
  throw new CommandError('Invalid reason')
}
