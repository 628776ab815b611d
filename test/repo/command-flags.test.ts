// Each option that a command reads is in its help, in its manual page, and in what shells complete.

import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import test from 'node:test'
import { optionNames } from '../../src/cli/client/options.ts'
import { completionTable } from '../../src/cli/manual/completion-table.ts'
import { optionsOf } from '../../src/cli/manual/help-options.ts'
import { oldNamePage, pagesOf, toolNames } from '../../src/cli/manual/help-pages.ts'
import { manPageOf } from '../../src/cli/manual/man.ts'
import { verbs } from '../../src/cli/verbs.ts'
import { runCommand } from '../support/command.ts'
import { read, repository } from './source-files.ts'

const table = await completionTable()

/** Sources that a verb reads its command line with, besides those that are called as it is. */
const further: Readonly<Record<string, readonly string[]>> = {
  run: ['src/config/run-arguments.ts'],
  cert: ['src/cli/ca/context.ts', 'src/cli/command.ts'],
}

/** Options of tables that tell their names. */
const tables: Readonly<Record<string, readonly string[]>> = {
  pub: optionNames('pub'),
  sub: optionNames('sub'),
  rr: optionNames('rr'),
}

/** Options that are only there to be refused with a word. */
const refused = /'(--[a-z][\w-]*)': \{ refused/g
const refusedByClients = ['--mptcp', '--tls-engine', '--tls-engine-kpass-sha1']
/** Such that a verb answers with a word, or takes for the sake of its old name; Mosquitto's help does not have them, either. */
const untold: Readonly<Record<string, readonly string[]>> = {
  passwd: ['-d'],
  doctor: ['--fix'],
  pub: ['--message-rate', '--version', ...refusedByClients],
  sub: ['--message-rate', '--version', ...refusedByClients],
  rr: ['--message-rate', '--version', ...refusedByClients],
}

for (const verb of verbs) {
  test(`cli section 7: every option that castellan ${verb.name} reads is in its help`, async () => {
    const help = (await pagesOf(verb)).map(({ text }) => text).join('\n')
    const own = [`src/cli/{,*/}${verb.name}{,-*}.ts`, `src/cli/${verb.name}/*.ts`]
    const sources = [...globSync(own, { cwd: repository }), ...(further[verb.name] ?? [])]
    const code = sources
      .filter(path => !path.endsWith('.test.ts'))
      .map(read)
      .join('\n')
    const away = new Set([...[...code.matchAll(refused)].map(([, name]) => name), ...(untold[verb.name] ?? [])])
    const missing = [...optionsRead(code), ...(tables[verb.name] ?? [])]
      .filter(name => name !== '--help')
      .filter(name => !away.has(name) && !names(help).has(name))
    assert.deepEqual(missing, [])
  })

  test(`cli section 7: every option in the help of castellan ${verb.name} is in its manual page and completed`, async () => {
    const page = names(unescaped((await manPageOf(verb.name)) ?? ''))
    for (const { command, text } of await pagesOf(verb)) assertEverywhere(command, text, page)
  })

  test(`cli section 2: the actions of castellan ${verb.name} are the ones that the table names`, async () => {
    const { stderr } = await runCommand(await verb.load(), ['no-such-action'])
    const [, listed] = /; actions are (.*)$/m.exec(stderr) ?? []
    if (listed !== undefined) assert.deepEqual([...(verb.actions ?? [])].toSorted(), listed.split(', ').toSorted())
  })
}

for (const name of toolNames) {
  test(`cli section 7: every option in the help of ${name} is in its manual page and completed`, async () => {
    const page = names(unescaped((await manPageOf(name)) ?? ''))
    assertEverywhere(name, (await oldNamePage(name)).text, page)
  })
}

function assertEverywhere(command: string, help: string, page: ReadonlySet<string>): void {
  const entry = table.find(known => known.command === command)
  const completed = new Set(entry?.options.flatMap(option => option.names))
  const told = optionsOf(help).flatMap(option => option.names)
  assert.deepEqual(
    told.filter(name => !page.has(name) || !completed.has(name)),
    [],
    command,
  )
}

/** The options of `parseArgs`, and of tables that are read by hand. */
function optionsRead(code: string): ReadonlySet<string> {
  const parsed = [...code.matchAll(/^\s+(?:'([\w-]+)'|(\w+)): (?:\{ type: '(?:string|boolean)'|text,|flag,)(.*)$/gm)]
  const ownTables = [...code.matchAll(/^\s+'(--?[A-Za-z][\w-]*)': \{/gm)].map(([, name = '']) => name)
  const byHand = [...code.matchAll(/(?:case|===) '(--?[A-Za-z][\w-]*)'/g)].map(([, name = '']) => name)
  const names = parsed.flatMap(([, quoted, bare, rest = '']) => {
    const short = /short: '(\w)'/.exec(rest)?.[1]
    const long = quoted ?? bare ?? ''
    return short === undefined ? [`--${long}`] : [`-${short}`]
  })
  return new Set([...names, ...ownTables, ...byHand].filter(name => name !== '-h' && name !== '--help'))
}

function names(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/(?<![\w-])--?[A-Za-z][\w-]*/g)].map(([name]) => name))
}

function unescaped(roff: string): string {
  return roff.replaceAll('\\-', '-').replaceAll(/\\f[BR]/g, ' ')
}
