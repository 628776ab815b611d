// The reference of all options, made from the tables that the program itself reads.

import type { AnyOption, OptionTable, Scope } from '../src/config/option.ts'
import { optionTables } from '../src/server/options.ts'

/** The text of docs/reference/options.md. */
export function optionsPage(): string {
  const sections = Object.entries(optionTables).map(([room, table]) => section(roomTitles[room as Room], table))
  return `${[introduction, ...sections].join('\n\n')}\n`
}

type Room = keyof typeof optionTables

/** The rooms' parts of the reference. */
export const roomTitles: Readonly<Record<Room, string>> = {
  config: 'Files and listeners',
  server: 'Process',
  net: 'Connections and TLS',
  auth: 'Who may connect, and what they may do',
  audit: 'Audit',
  broker: 'Sessions, messages and topics',
  observe: 'Log',
  http: 'Health and metrics',
  bridge: 'Bridges',
}

const introduction = `# Options of mosquitto.conf

Made by \`npm run docs\` from the tables in \`src/*/options.ts\`.

Castellan reads Mosquitto's configuration file. Options marked **own** are not known to Mosquitto. Options marked
**refused**, and some values of those marked **some values refused**, are known and refused on purpose: see
[deliberate differences](../deliberate-differences.md).

- *Scope*: a \`global\` option holds for the broker. A \`security\` option does too, or belongs to the listener above it
  after \`per_listener_settings true\`. A \`listener\` option belongs to the listener above it; without one it makes the
  default listener on port 1883. A \`listener-only\` option needs a listener above it, a \`named-listener\` option one
  that is not the default listener.
- *Reload*: on SIGHUP a \`live\` option takes effect with the next packet, a \`new-connections\` option for clients that
  connect from then on. A reload that changes a \`restart\` option is refused and changes nothing.`

function section(title: string, table: OptionTable): string {
  const rows = Object.entries(table).map(([name, option]) => row(name, option))
  return [
    `## ${title}`,
    '',
    '| option | value | default | scope | reload | |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function row(name: string, option: AnyOption): string {
  const aliases = (option.aliases ?? []).map(alias => ` (\`${alias}\`)`).join('')
  const cells = [
    `\`${name}\`${aliases}`,
    code(option.value.syntax),
    showDefault(option.default),
    option.scope,
    reloads.has(option.scope) ? option.reload : '',
    remarks(option),
  ]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

/** Where a reload tells anything. */
export const reloads: ReadonlySet<Scope> = new Set([
  'global',
  'security',
  'listener',
  'listener-only',
  'named-listener',
])

function remarks(option: AnyOption): string {
  const marks = [
    option.own === true ? '**own**' : '',
    supportMark(option),
    option.deprecated === undefined ? '' : `Deprecated by Mosquitto. ${option.deprecated}`,
  ]
  return [option.doc, ...marks]
    .map(mark => mark.trim())
    .filter(mark => mark !== '')
    .join(' ')
}

/** Whether an option, or some of its values, is refused; empty where it is not. */
export function supportMark({ unsupported }: AnyOption): string {
  if (unsupported === undefined) return ''
  return unsupported.accepts === undefined ? '**refused**' : '**some values refused**'
}

/** Empty where there is none. */
export function showDefault(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return ''
  if (!Array.isArray(value)) return code(String(value))
  return value.map(part => code(typeof part === 'object' ? part.kind : String(part))).join(', ')
}

function code(text: string): string {
  return text.includes('`') ? text : `\`${text}\``
}
