// The first page a person sees: what there is, in groups, with lines to copy. Made from the table of verbs.

import { styleText } from 'node:util'
import { type Io, verbs } from './verbs.ts'

const examples: readonly (readonly [line: string, what: string])[] = [
  ['castellan up', 'start here: a secure broker in this directory'],
  ['castellan run -c mosquitto.conf -v', 'your configuration file, with every log line'],
  ['castellan run -c mosquitto.conf --test-config', 'read it, say what is wrong, write nothing'],
  ['castellan doctor /etc/mosquitto/mosquitto.conf', 'what is not safe about it, with a fix for each'],
  ['castellan passwd -c users.pw alice', 'a new password file with its first user; asks for the password'],
]

/** The text of `castellan --help`, ending in a newline. */
export function helpPage(version: string, stream: Io['stdout'] | Io['stderr']): string {
  const heading = (text: string) => styleText('bold', text, { stream })
  const groups = [...new Set(verbs.map(verb => verb.group))].flatMap(group => [
    '',
    heading(group),
    ...columns(verbs.filter(verb => verb.group === group).map(verb => [verb.name, verb.summary] as const)),
  ])
  const lines = [
    `castellan ${version}, an MQTT broker that is safe from its first minute`,
    '',
    'Usage: castellan VERB [OPTIONS]',
    ...groups,
    '',
    heading('Examples'),
    ...columns(examples),
    '',
    'castellan help VERB tells all about one verb. Exit codes: 0 done, 1 failed, 2 wrong usage; its page lists further ones.',
  ]
  return `${lines.join('\n')}\n`
}

const verbWidth = Math.max(...verbs.map(({ name }) => name.length))

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(Math.max(width, verbWidth))}  ${right}`)
}
