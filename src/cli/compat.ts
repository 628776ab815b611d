// This program under the names of the tools it replaces: as `castellan compat NAME …`, or by a link of that name.

import { lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { escapeText } from '../base/escape.ts'
import { exitCode } from './exit-code.ts'
import type { Command, Io } from './verbs.ts'

/** The tools whose names this program answers to; undefined while the tool is not built. */
export const oldNames: ReadonlyMap<string, (() => Promise<Command>) | undefined> = new Map([
  ['mosquitto', async () => (await import('./run.ts')).mosquitto],
  ['mosquitto_passwd', async () => (await import('./passwd.ts')).passwd],
  ['mosquitto_ctrl', undefined],
  ['mosquitto_pub', undefined],
  ['mosquitto_sub', undefined],
  ['mosquitto_rr', undefined],
  ['mosquitto_signal', undefined],
  ['create-root-ca', undefined],
  ['create-signing-ca', undefined],
  ['create-server', undefined],
  ['create-ssl', undefined],
  ['create-client', undefined],
  ['create-client-o', undefined],
  ['revoke-cert', undefined],
  ['generate-CA.sh', undefined],
  ['gen_CA.sh', undefined],
])

const builtNames = [...oldNames].flatMap(([name, load]) => (load === undefined ? [] : [name]))

const usage = `Usage: castellan compat NAME [ARGUMENTS OF THAT TOOL]
       castellan compat install --dir DIRECTORY [--force]

Names: ${builtNames.join(', ')}
install makes a link of each name in DIRECTORY; a file that is there already is left alone unless --force is given.
`

/** `castellan compat …` */
export async function compat(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args
  if (name === '--help' || name === '-h') return print(io.stdout, usage, exitCode.ok)
  if (name === undefined) return print(io.stderr, usage, exitCode.usage)
  if (name === 'install') return install(rest, io)
  return runUnderOldName(name, rest, io)
}

/** Behaves as the tool `name`; refuses names that are unknown or not built yet. */
export async function runUnderOldName(name: string, args: readonly string[], io: Io): Promise<number> {
  const load = oldNames.get(name)
  if (load !== undefined) return (await load())(args, io)
  const reason = oldNames.has(name) ? 'is not built yet' : 'is not a name this program answers to'
  const message = `castellan: '${escapeText(name, 64)}' ${reason}; what works: ${builtNames.join(', ')}\n`
  return print(io.stderr, message, oldNames.has(name) ? exitCode.failed : exitCode.usage)
}

function install(args: readonly string[], io: Io): number {
  const options = parseInstall(args)
  if (options?.dir === undefined) return print(io.stderr, usage, exitCode.usage)
  const program = realpathSync(join(import.meta.dirname, '../../bin/castellan'))
  const directory = resolve(options.dir)
  mkdirSync(directory, { recursive: true })
  const links = builtNames.map(name => join(directory, name)).filter(link => linkedTo(link) !== program)
  const taken = links.filter(link => lstatSync(link, { throwIfNoEntry: false }) !== undefined)
  if (taken.length > 0 && !options.force) {
    const message = `castellan: ${taken.join(', ')} already there, nothing was changed; --force replaces it\n`
    return print(io.stderr, message, exitCode.conflict)
  }
  for (const link of links) {
    rmSync(link, { force: true })
    symlinkSync(program, link)
  }
  return print(io.stdout, `${builtNames.map(name => join(directory, name)).join('\n')}\n`, exitCode.ok)
}

function parseInstall(args: readonly string[]): { dir?: string; force?: boolean } | undefined {
  try {
    return parseArgs({ args: [...args], options: { dir: { type: 'string' }, force: { type: 'boolean' } } }).values
  } catch {
    return undefined
  }
}

function linkedTo(link: string): string | undefined {
  try {
    return realpathSync(link)
  } catch {
    return undefined
  }
}

function print(stream: NodeJS.WritableStream, text: string, code: number): number {
  stream.write(text)
  return code
}
