// generate-CA.sh (gen_CA.sh) under its name: its arguments, environment, file names and messages.

import { execFileSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import {
  isGeneratedKeyEncrypted,
  makeGeneratedAuthority,
  makeGeneratedLeaf,
  openGeneratedAuthority,
} from '../../pki/generate-ca-files.ts'
import { isHostName } from '../../pki/name-rules.ts'
import { now } from '../ca/context.ts'
import { complain, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { printDifferences } from './differences.ts'
import { ScriptPrompt } from './prompt.ts'

/** `generate-CA.sh [HOST]` or `generate-CA.sh client NAME`: with two arguments the first is not even looked at. */
export async function generateCa(args: readonly string[], io: Io): Promise<number> {
  const prompt = new ScriptPrompt(io)
  try {
    if (args.length > 2) throw new UsageError('Usage: generate-CA.sh [HOST] | generate-CA.sh client NAME')
    const directory = resolve(io.env['TARGET'] ?? '.')
    if (args.length === 2) await makeClient(directory, args[1]!, io, prompt)
    else await makeServer(directory, args[0] ?? ownName(), io, prompt)
    return exitCode.ok
  } catch (error) {
    const code = complain('generate-CA.sh', error, io)
    return code === exitCode.interrupted || code === exitCode.usage ? code : exitCode.failed
  } finally {
    prompt.close()
  }
}

/** The name of the machine, with its domain where it has one. */
function ownName(): string {
  try {
    return execFileSync('hostname', ['-f'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return hostname()
  }
}

async function makeServer(directory: string, host: string, io: Io, prompt: ScriptPrompt): Promise<void> {
  const name = fileName(host)
  if (!isHostName(name)) throw new UsageError(`'${escapeText(host, 80)}' is no host name`)
  if ((io.env['CAKILLFILES'] ?? '') !== '') {
    for (const file of ['ca.crt', 'ca.key', 'ca.srl', `${name}.crt`, `${name}.key`, `${name}.csr`]) {
      rmSync(join(directory, file), { force: true })
    }
  }
  const passphrase = existsSync(join(directory, 'ca.crt'))
    ? await ownPassphrase(directory, prompt)
    : await makeAuthority(directory, io, prompt)
  if (existsSync(join(directory, `${name}.crt`))) return
  const authority = openGeneratedAuthority(directory, passphrase)
  const words = (variable: string) => (io.env[variable] ?? '').split(/\s+/).filter(word => word !== '')
  const alternatives = [...new Set([name, 'localhost', '127.0.0.1', '::1', ...words('IPLIST'), ...words('HOSTLIST')])]
  io.stdout.write('--- Creating server key and signing request\n--- Creating and signing server certificate\n')
  const place = { directory, authorityDirectory: directory, now: now() }
  await makeGeneratedLeaf(authority, { kind: 'server', name, alternatives, ...place })
  printDifferences(io, ['lifetimes', 'ownAddresses', 'serialNumbers'])
}

/** Beside the working directory's other files, not in TARGET: as it always was. */
async function makeClient(authorityDirectory: string, client: string, io: Io, prompt: ScriptPrompt): Promise<void> {
  const name = fileName(client)
  const directory = process.cwd()
  const passphrase = existsSync(join(authorityDirectory, 'ca.crt'))
    ? await ownPassphrase(authorityDirectory, prompt)
    : await makeAuthority(authorityDirectory, io, prompt)
  if (existsSync(join(directory, `${name}.crt`))) return
  const authority = openGeneratedAuthority(authorityDirectory, passphrase)
  io.stdout.write('--- Creating client key and signing request\n--- Creating and signing client certificate\n')
  const request = { kind: 'client', name, alternatives: [], directory, authorityDirectory, now: now() } as const
  await makeGeneratedLeaf(authority, request)
  printDifferences(io, ['lifetimes', 'clientPurpose', 'serialNumbers'])
}

function ownPassphrase(directory: string, prompt: ScriptPrompt): Promise<string | undefined> {
  return isGeneratedKeyEncrypted(directory)
    ? prompt.askSecret('Enter pass phrase for ca.key: ')
    : Promise.resolve(undefined)
}

/** @returns the passphrase of the new key; undefined for one in the clear */
async function makeAuthority(directory: string, io: Io, prompt: ScriptPrompt): Promise<string | undefined> {
  const isPlain = (io.env['GENCA_PLAINTEXT'] ?? '') !== ''
  const passphrase = isPlain ? undefined : await choosePassphrase(prompt)
  await makeGeneratedAuthority(directory, passphrase, now())
  io.stdout.write(`Created CA certificate in ${escapeText(io.env['TARGET'] ?? '.', 4096)}/ca.crt\n`)
  if (passphrase === undefined) io.stdout.write('Warning: the CA key is not encrypted; store it safely!\n')
  else printDifferences(io, ['encryptedKey'])
  return passphrase
}

async function choosePassphrase(prompt: ScriptPrompt): Promise<string> {
  const passphrase = await prompt.askSecret('Enter a pass phrase for ca.key: ')
  if (passphrase === '') {
    throw new UsageError('the key of the CA needs a pass phrase; GENCA_PLAINTEXT=1 leaves it unencrypted, as it was')
  }
  if ((await prompt.askSecret('Verifying - Enter a pass phrase for ca.key: ')) !== passphrase) {
    throw new UsageError('the pass phrases differ')
  }
  return passphrase
}

/** It becomes part of a path. */
function fileName(name: string): string {
  if (!/[/\\\0]/.test(name) && name !== '' && !name.startsWith('.') && !name.startsWith('-')) return name
  throw new UsageError(`'${escapeText(name, 80)}' cannot be the name of a file`)
}
