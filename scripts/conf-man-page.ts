// castellan.conf(5): every option of mosquitto.conf, made from the tables that the program itself reads.

import { version } from '../src/base/version.ts'
import { roffHead, roffItem, roffParagraph, roffSection } from '../src/cli/manual/roff.ts'
import type { AnyOption, OptionTable } from '../src/config/option.ts'
import { optionTables } from '../src/server/options.ts'
import { reloads, roomTitles, showDefault, supportMark } from './options-page.ts'

/** The page, in roff. */
export function confManPage(): string {
  const sections = Object.entries(optionTables).map(([room, table]) => section(roomTitles[room as Room], table))
  return [
    roffHead('castellan.conf', 5, version(), 'the configuration of the Castellan MQTT broker, as mosquitto.conf'),
    roffSection('Description'),
    ...description.map(roffParagraph),
    ...sections,
    roffSection('See also'),
    roffParagraph('castellan(1), castellan-run(1), castellan-up(1)'),
  ].join('')
}

type Room = keyof typeof optionTables

const description: readonly string[] = [
  "Castellan reads Mosquitto's configuration file: an option a line, its value behind a blank; a line that begins with # is a comment. Each option is followed by what it takes, what holds without it, where it may stand, and when a change takes effect.",
  'A global option holds for the broker. A security option does too, or belongs to the listener above it after per_listener_settings true. A listener option belongs to the listener above it; without one it makes the default listener on port 1883. A listener-only option needs a listener above it, a named-listener option one that is not the default listener.',
  'On SIGHUP a live option takes effect with the next packet, a new-connections option for clients that connect from then on. A reload that changes a restart option is refused and changes nothing.',
]

function section(title: string, table: OptionTable): string {
  return roffSection(title) + Object.entries(table).map(item).join('')
}

function item([name, option]: readonly [string, AnyOption]): string {
  const names = [name, ...(option.aliases ?? [])].join(', ')
  return roffItem(`${names} ${option.value.syntax}`, plain([option.doc, facts(option), supportMark(option)].join(' ')))
}

function facts({ default: initial, scope, reload, own }: AnyOption): string {
  const shown = showDefault(initial)
  const parts = [
    shown === '' ? undefined : `default ${shown}`,
    scope,
    ...(reloads.has(scope) ? [reload] : []),
    own === true ? 'own' : undefined,
  ]
  return `(${parts.filter(part => part !== undefined).join('; ')})`
}

/** What Markdown marks is plain here. */
function plain(text: string): string {
  return text.replaceAll(/\*\*|`/g, '').trim()
}
