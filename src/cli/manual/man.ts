// `castellan man`: manual pages, made from the help of the commands.

import { Writable } from 'node:stream'
import { escapeText } from '../../base/escape.ts'
import { version } from '../../base/version.ts'
import { exitCode } from '../exit-code.ts'
import { helpPage } from '../help.ts'
import { type Io, verbs } from '../verbs.ts'
import { oldNamePage, pagesOf, toolNames } from './help-pages.ts'
import { manPage } from './man-page.ts'

const help = `Usage: castellan man          the page of this program, castellan(1)
       castellan man NAME     that of a verb, or of one of Mosquitto's tools

Prints a manual page for man and its relatives. The package has them all, and castellan.conf(5), in dist/man: \`npm install -g\` puts them
where man finds them, as castellan-NAME.

Exit codes: 0 done, 2 wrong usage, 3 no such page.

Examples:
  castellan man up | man -l -
  castellan man mosquitto_passwd > mosquitto_passwd.1
`

/** `castellan man [NAME]`. @returns the exit code */
export async function man(args: readonly string[], io: Io): Promise<number> {
  const [name, ...more] = args
  if (name === '--help' || name === '-h') {
    io.stdout.write(help)
    return exitCode.ok
  }
  if (more.length > 0 || name?.startsWith('-')) {
    io.stderr.write(`castellan man: one name is all it takes\n\n${help}`)
    return exitCode.usage
  }
  const page = await manPageOf(name)
  if (page === undefined) {
    const known = [...verbs.map(verb => verb.name), ...toolNames].join(', ')
    io.stderr.write(`castellan man: there is no page '${escapeText(name ?? '', 64)}'; pages are ${known}\n`)
    return exitCode.notFound
  }
  io.stdout.write(page)
  return exitCode.ok
}

/**
 * @param name a verb or one of Mosquitto's tools; undefined for the program itself
 * @returns roff; undefined for a name that has no page
 */
export async function manPageOf(name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return programPage()
  const verb = verbs.find(known => known.name === name)
  if (verb === undefined && !toolNames.includes(name)) return undefined
  return manPage({
    name: `castellan-${name}`,
    summary: verb?.summary ?? `castellan under the name ${name}`,
    version: version(),
    pages: verb === undefined ? [await oldNamePage(name)] : await pagesOf(verb),
    seeAlso: ['castellan', 'castellan-compat', 'castellan.conf(5)'],
  })
}

/** Every page that there is: its file's name in a directory of manual pages, and its text. */
export async function allManPages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([['castellan.1', programPage()]])
  for (const name of [...verbs.map(verb => verb.name), ...toolNames]) {
    pages.set(`castellan-${name}.1`, (await manPageOf(name)) ?? '')
  }
  return pages
}

function programPage(): string {
  const [title = '', , ...rest] = helpPage(version(), plain).split('\n')
  return manPage({
    name: 'castellan',
    summary: title.replace(/^[^,]*, /, ''),
    version: version(),
    pages: [{ command: 'castellan', text: rest.join('\n') }],
    seeAlso: [...verbs.map(({ name }) => `castellan-${name}`), 'castellan.conf(5)'],
  })
}

/** No terminal: the page has no colours. */
const plain = new Writable() as unknown as Io['stdout']
