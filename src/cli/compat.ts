// This program under the names of the tools it replaces: as `castellan compat NAME …`, or by a link of that name.

import { lstatSync, realpathSync, symlinkSync, unlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { escapeText } from '../base/escape.ts'
import { systemReason } from '../base/system-reason.ts'
import { exitCode } from './exit-code.ts'
import { makeDirectories } from './make-directories.ts'
import type { Command, Io } from './verbs.ts'

/** The tools whose names this program answers to; undefined while the tool is not built. */
export const oldNames: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['mosquitto', async () => (await import('./run.ts')).mosquitto],
  ['mosquitto_passwd', async () => (await import('./passwd/passwd.ts')).mosquittoPasswd],
  ['mosquitto_ctrl', async () => (await import('./ctl/ctl.ts')).mosquittoCtrl],
  ['mosquitto_pub', async () => (await import('./client/pub.ts')).mosquittoPub],
  ['mosquitto_sub', async () => (await import('./client/sub.ts')).mosquittoSub],
  ['mosquitto_rr', async () => (await import('./client/rr.ts')).mosquittoRr],
  ['mosquitto_signal', async () => (await import('./signal.ts')).mosquittoSignal],
  ['create-root-ca', async () => (await import('./easy-ca/easy-ca.ts')).createRootCa],
  ['create-signing-ca', async () => (await import('./easy-ca/easy-ca.ts')).createSigningCa],
  ['create-server', async () => (await import('./easy-ca/easy-ca.ts')).createServer],
  ['create-ssl', async () => (await import('./easy-ca/easy-ca.ts')).createSsl],
  ['create-client', async () => (await import('./easy-ca/easy-ca.ts')).createClient],
  ['create-client-o', async () => (await import('./easy-ca/easy-ca.ts')).createClientO],
  ['revoke-cert', async () => (await import('./easy-ca/easy-ca.ts')).revokeCert],
  ['generate-CA.sh', async () => (await import('./easy-ca/generate-ca.ts')).generateCa],
  ['gen_CA.sh', async () => (await import('./easy-ca/generate-ca.ts')).generateCa],
])

const names = [...oldNames.keys()]

const inDocumentation = 'what differs from Mosquitto, and how to have it back, is in docs/migrating-from-mosquitto.md\n'

const usage = `Usage: castellan compat NAME [ARGUMENTS OF THAT TOOL]
       castellan compat install --dir DIRECTORY [--force]
       castellan compat diff NAME

Names: ${names.join(', ')}
diff lists what that tool does differently here, on purpose.
install makes a link of each name in DIRECTORY; a file that is there already is left alone unless --force is given.
Exit codes of install: 0 done, 1 not done, 2 wrong usage, 5 a file is there already. Under another tool's name: that tool's.

Example: castellan compat install --dir /usr/local/bin
`

/** `castellan compat …` */
export async function compat(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args
  if (name === '--help' || name === '-h') return print(io.stdout, usage, exitCode.ok)
  if (name === undefined) return print(io.stderr, usage, exitCode.usage)
  if (name === 'install') return install(rest, io)
  if (name === 'diff') return diff(rest, io)
  return runUnderOldName(name, rest, io)
}

/** Behaves as the tool `name`; refuses names that are none of ours. */
export async function runUnderOldName(name: string, args: readonly string[], io: Io): Promise<number> {
  const load = oldNames.get(name)
  if (load !== undefined) return (await load())(args, io)
  const message = `castellan: '${escapeText(name, 64)}' is not a name this program answers to; what works: ${names.join(', ')}\n`
  return print(io.stderr, message, exitCode.usage)
}

async function diff([name = '']: readonly string[], io: Io): Promise<number> {
  if (!oldNames.has(name)) return print(io.stderr, usage, exitCode.usage)
  const { differencesOf } = await import('./easy-ca/differences.ts')
  return print(io.stdout, differencesOf(name) || inDocumentation, exitCode.ok)
}

function install(args: readonly string[], io: Io): number {
  const options = parseInstall(args)
  if (options?.help) return print(io.stdout, usage, exitCode.ok)
  if (!options?.dir) return print(io.stderr, usage, exitCode.usage)
  const directory = resolve(options.dir)
  try {
    return link(directory, options.force === true, io)
  } catch (error) {
    const { syscall, path = directory } = error as NodeJS.ErrnoException
    if (syscall === undefined) throw error
    const message = `castellan: no links in '${escapeText(directory)}': ${syscall} '${escapeText(path)}' failed (${systemReason(error)}); choose another directory with --dir, or do it as a user who may write there\n`
    return print(io.stderr, message, exitCode.failed)
  }
}

/** @throws the operating system's error */
function link(directory: string, force: boolean, io: Io): number {
  const program = realpathSync(join(import.meta.dirname, '../../bin/castellan'))
  makeDirectories(directory)
  const links = names.map(name => join(directory, name)).filter(path => linkedTo(path) !== program)
  const taken = links.filter(path => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
  if (taken.length > 0 && !force) {
    const message = `castellan: ${taken.map(path => escapeText(path)).join(', ')} already there, nothing was changed; --force replaces it\n`
    return print(io.stderr, message, exitCode.conflict)
  }
  for (const path of taken) unlinkSync(path)
  for (const path of links) symlinkSync(program, path)
  return print(io.stdout, `${names.map(name => join(directory, name)).join('\n')}\n`, exitCode.ok)
}

function parseInstall(args: readonly string[]): { dir?: string; force?: boolean; help?: boolean } | undefined {
  const options = {
    dir: { type: 'string' },
    force: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const
  try {
    return parseArgs({ args: [...args], options }).values
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
