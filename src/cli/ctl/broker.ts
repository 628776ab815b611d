// The module `broker`: listeners, plugins and connections of a broker with `enable_control_api true`.

import { escapeText } from '../../base/escape.ts'
import { isObject, type JsonObject, member, objectOf, objectsOf } from '../../dynsec/json.ts'
import { answerLines, clientLines } from '../acl/lines.ts'
import type { CtlCommand, CtlModule } from './command.ts'
import { brokerHelp } from './help.ts'
import { column, shown } from './lines.ts'
import { readOperands } from './operands.ts'

const banKinds = ['clientid', 'username', 'address']

const commands: Readonly<Record<string, CtlCommand>> = {
  listListeners: { syntax: '', lines: listenerLines },
  listPlugins: { syntax: '', lines: pluginLines },
  listConnections: { syntax: 'count? offset?', lines: connectionLines },
  inspectConnection: { syntax: 'clientid', lines: inspectionLines },
  explainAccess: { syntax: 'client action topic clientid?', given: accessQuery, lines: explanationLines },
  disconnectClient: { syntax: 'clientid reason?' },
  createBan: { syntax: 'bankind who until? reason?', given: words => banOf('bankind who until? reason?', words) },
  deleteBan: { syntax: 'bankind who', given: words => banOf('bankind who', words) },
  listBans: { syntax: 'count? offset?', lines: banLines },
}

export const brokerModule: CtlModule = { topic: '$CONTROL/broker/v1', commands, help: brokerHelp }

function listenerLines(data: JsonObject): readonly string[] {
  return objectsOf(data, 'listeners').flatMap((listener, index) => [
    `Listener ${index + 1}:`,
    `  Port:              ${textOf(listener, 'port')}`,
    `  Protocol:          ${textOf(listener, 'protocol')}`,
    ...optional('  Socket path:       ', listener, 'socket-path'),
    ...optional('  Bind address:      ', listener, 'bind-address'),
    `  TLS:               ${textOf(listener, 'tls')}`,
  ])
}

function pluginLines(data: JsonObject): readonly string[] {
  return objectsOf(data, 'plugins').flatMap(plugin => {
    const endpoints = member(plugin, 'control-endpoints')
    const texts = Array.isArray(endpoints) ? endpoints.map(endpoint => escapeText(String(endpoint))) : []
    return [
      `Plugin:            ${shown(plugin, 'name')}`,
      ...optional('Version:           ', plugin, 'version'),
      ...column('Control endpoints: ', texts),
    ]
  })
}

/** A client without a user name, or one that is connected whatever its name, is `-`. */
function accessQuery(words: readonly string[]): JsonObject {
  const { client, ...rest } = readOperands('client action topic clientid?', words)
  return client === '-' ? rest : { username: client, ...rest }
}

function explanationLines(data: JsonObject): readonly string[] {
  const answers = objectsOf(data, 'answers')
  const lines = answers.flatMap(answer => answerLines(answer, answers.length > 1))
  return [...lines, ...clientLines(objectOf(data, 'client'))]
}

function banOf(syntax: string, words: readonly string[]): JsonObject {
  const { bankind, who, ...rest } = readOperands(syntax, words)
  return { [String(bankind)]: who, ...rest }
}

/** What is compared, whom it is about, the end and the reason, with a tab between. */
function banLines(data: JsonObject): readonly string[] {
  return objectsOf(data, 'bans').map(ban => {
    const kind = banKinds.find(known => member(ban, known) !== undefined) ?? ''
    const until = member(ban, 'until') === undefined ? 'never' : shown(ban, 'until')
    return [kind, shown(ban, kind), until, shown(ban, 'reason')].join('\t')
  })
}

/** Client id, name and address, with a tab between. */
function connectionLines(data: JsonObject): readonly string[] {
  return objectsOf(data, 'connections').map(connection =>
    ['clientid', 'username', 'address'].map(key => shown(connection, key)).join('\t'),
  )
}

function inspectionLines(data: JsonObject): readonly string[] {
  return Object.entries(objectOf(data, 'connection')).flatMap(([name, value]) =>
    column(`${`${escapeText(name)}:`.padEnd(15)} `, (Array.isArray(value) ? value : [value]).map(text)),
  )
}

function optional(heading: string, object: JsonObject, key: string): readonly string[] {
  return member(object, key) === undefined ? [] : [`${heading}${textOf(object, key)}`]
}

function textOf(object: JsonObject, key: string): string {
  return text(member(object, key))
}

function text(value: unknown): string {
  return escapeText(isObject(value) ? Object.values(value).join(' ') : String(value ?? ''), 4096)
}
