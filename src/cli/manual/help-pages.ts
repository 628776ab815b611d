// All help pages, taken from the commands themselves: what manual pages and completions are made of, so that neither can tell of
// an option that `--help` does not know.

import { Readable, Writable } from 'node:stream'
import { oldNames, runUnderOldName } from '../compat.ts'
import type { Command, Io, Verb } from '../verbs.ts'

export interface HelpPage {
  /** As it is typed: `castellan ca init`. */
  readonly command: string
  readonly text: string
}

/** @returns the verb's own page, then those of its actions; an action without one is left out */
export async function pagesOf(verb: Verb): Promise<readonly HelpPage[]> {
  const command = await verb.load()
  const page = { command: `castellan ${verb.name}`, text: await textOf(command, ['--help']) }
  const actions: HelpPage[] = []
  for (const action of verb.actions ?? []) {
    const text = await textOf(command, [action, verb.helpWord ?? '--help'])
    if (text !== page.text) actions.push({ command: `${page.command} ${action}`, text })
  }
  return [page, ...actions]
}

/** The names of Mosquitto's own tools; those of scripts take their first word for a name, whatever it is. */
export const toolNames: readonly string[] = [...oldNames.keys()].filter(name => /^mosquitto/.test(name))

/** @param name one of {@link toolNames} */
export async function oldNamePage(name: string): Promise<HelpPage> {
  return { command: name, text: await textOf((args, io) => runUnderOldName(name, args, io), ['--help']) }
}

async function textOf(command: Command, args: readonly string[]): Promise<string> {
  let text = ''
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const io = { stdin: Readable.from([]), stdout: output, stderr: output, env: {} } as unknown as Io
  await command(args, io)
  return text
}
