// The scripts of easy-ca under their names: their options, questions, file names, last lines and exit codes.

import { existsSync, realpathSync, symlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import type { SubjectParts } from '../../pki/certificate-builder.ts'
import { defaultLabel, EasyCaTree, easyCaName, type TreeSettings } from '../../pki/easy-ca-tree.ts'
import { readWhole } from '../../pki/files.ts'
import { pemOrDer } from '../../pki/pem.ts'
import { checkPassphrase, type KeyType, parseKeyType } from '../../pki/private-key.ts'
import type { RevocationReason } from '../../pki/revocation-reasons.ts'
import { now } from '../ca/context.ts'
import { complain, wholeNumber } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Command, Io } from '../verbs.ts'
import { type differences, printDifferences } from './differences.ts'
import { readScriptOptions, type ScriptOptions } from './options.ts'
import { ScriptPrompt } from './prompt.ts'

export const createRootCa = script('create-root-ca', 'd', '-d CA_DIR', makeRoot)
export const createSigningCa = script('create-signing-ca', 'd', '-d CA_DIR', makeSigning)
export const createServer = script('create-server', 'sa', '-s SERVER_NAME [-a ALT_NAME]...', call => issueServer(call))
export const createSsl = script('create-ssl', 'sa', '-s SERVER_NAME [-a ALT_NAME]...', call =>
  issueServer(call, 'Broker Certificate'),
)
export const createClient = script('create-client', 'cn', '-c CLIENT_NAME [-n CERT_NAME]', issueClient)
export const createClientO = script('create-client-o', 'c', '-c CLIENT_NAME', issueClient)
export const revokeCert = script('revoke-cert', 'c', '-c CERT_FILE', revoke)

const ownOptions =
  '--batch, --pass-file FILE, --subject /C=XX/O=NAME/CN=NAME, --days N, --key-type TYPE, --easyca-eku, --reason N, --yes'

/** The files that easy-ca puts into bin/. */
const binaries = [
  ...['create-root-ca', 'create-signing-ca', 'create-server', 'create-ssl', 'create-client', 'create-client-o'],
  'revoke-cert',
]

interface Call {
  readonly tool: string
  readonly options: ScriptOptions
  readonly io: Io
  readonly prompt: ScriptPrompt
}

/** A refusal in the script's own words, on standard output as theirs are. */
class ScriptExit extends Error {}

function script(tool: string, letters: string, synopsis: string, work: (call: Call) => Promise<void>): Command {
  return async (args, io) => {
    const options = readScriptOptions(args, letters)
    if (options === undefined || !options[letters[0] as 'd' | 's' | 'c']) {
      io.stdout.write(`Usage: ${tool} ${synopsis}\n\nOptions of castellan: ${ownOptions}\n\n`)
      return exitCode.usage
    }
    const prompt = new ScriptPrompt(io)
    try {
      await work({ tool, options, io, prompt })
      return exitCode.ok
    } catch (error) {
      if (error instanceof ScriptExit) {
        io.stdout.write(`${error.message}\n`)
        return exitCode.failed
      }
      const code = complain(tool, error, io)
      return code === exitCode.interrupted ? code : exitCode.failed
    } finally {
      prompt.close()
    }
  }
}

async function makeRoot(call: Call): Promise<void> {
  const { options, io } = call
  const dir = resolve(options.d!)
  if (existsSync(dir)) throw new ScriptExit(`${escapeText(options.d!, 4096)} already exists, exiting`)
  io.stdout.write(`\nCreating root CA in '${escapeText(options.d!, 4096)}'\n\n`)
  const settings = await askSettings(call, dir, {})
  const passphrase = await choosePassphrase(call, 'root CA key')
  const tree = new EasyCaTree(dir)
  tree.make(settings)
  await tree.makeRoot(settings, passphrase, now(), keyTypeOf(options))
  linkBinaries(dir)
  printDifferences(io, ['encryptedKey', 'crlLife'])
  io.stdout.write('\nRoot CA initialized.\n\n')
}

async function makeSigning(call: Call): Promise<void> {
  const { options, io } = call
  const parent = findTree()
  const dir = resolve(options.d!)
  if (existsSync(dir)) throw new ScriptExit(`${escapeText(options.d!, 4096)} already exists, exiting`)
  io.stdout.write(`\nCreating new signing sub-CA in '${escapeText(options.d!, 4096)}'\n\n`)
  const settings = await askSettings(call, dir, parent.settings)
  const passphrase = await choosePassphrase(call, 'signing sub-CA key')
  const parentKey = await unlock(call, parent, 'Enter passphase for root CA key: ')
  parent.checkPolicy(settings.subject)
  const tree = new EasyCaTree(dir)
  tree.make(settings)
  await tree.makeSigning(settings, passphrase, parent, parentKey, now(), keyTypeOf(options))
  linkBinaries(dir)
  printDifferences(io, ['encryptedKey', 'crlLife'])
  io.stdout.write('\nSigning sub-CA initialized.\n\n')
}

async function issueServer(call: Call, comment?: string): Promise<void> {
  const { options, io } = call
  const tree = findTree()
  const name = options.s!
  tree.refuseTaken('server', name)
  io.stdout.write(`\nCreating new SSL server certificate for:\n${[name, ...options.list].map(escaped).join('\n')}\n\n`)
  const key = await unlock(call, tree, 'Enter passphase for signing CA key: ')
  const { subject, commonName } = await askSubject(call, tree.settings, name)
  await tree.issue(
    {
      kind: 'server',
      fileName: name,
      commonName,
      subject,
      alternatives: [...new Set([name, ...options.list])],
      bothPurposes: options.easycaEku,
      ...(comment === undefined ? {} : { comment }),
      ...leafOf(options),
      now: now(),
    },
    key,
  )
  const notes: (keyof typeof differences)[] = options.easycaEku ? ['serialNumbers'] : ['onePurpose', 'serialNumbers']
  printDifferences(io, options.list.length > 0 ? [...notes, 'addresses'] : notes)
  io.stdout.write('\nServer certificate created.\n\n')
}

async function issueClient(call: Call): Promise<void> {
  const { tool, options, io } = call
  const tree = findTree()
  const name = options.c!
  const fileName = options.n ?? name
  tree.refuseTaken('client', fileName)
  io.stdout.write(`\nCreating new client certificate for '${escaped(name)}'\n\n`)
  const key = await unlock(call, tree, 'Enter passphase for signing CA key: ')
  const { subject, commonName } = await askSubject(call, tree.settings, name)
  await tree.issue({ kind: 'client', fileName, commonName, subject, ...leafOf(options), now: now() }, key)
  const isNew = tool === 'create-client'
  printDifferences(
    io,
    isNew
      ? ['passphrase', ...(options.n === undefined ? (['fileName'] as const) : []), 'serialNumbers']
      : ['serialNumbers'],
  )
  io.stdout.write('\nClient certificate created.\n\n')
}

const menu: readonly (readonly [shown: string, reason: RevocationReason])[] = [
  ['unspecified', 'unspecified'],
  ['keyCompromise', 'keyCompromise'],
  ['CACompromise', 'cACompromise'],
  ['affiliationChanged', 'affiliationChanged'],
  ['superseded', 'superseded'],
  ['cessationOfOperation', 'cessationOfOperation'],
  ['certificateHold', 'certificateHold'],
]

async function revoke(call: Call): Promise<void> {
  const { options, io, prompt } = call
  const file = options.c!
  const tree = findTree()
  const der = readCertificate(file)
  io.stdout.write(`\nRevoking certificate '${escaped(file)}'\n\nReason for revocation: \n\n`)
  for (const [index, [shown]] of menu.entries()) io.stdout.write(`${index + 1}. ${shown}\n`)
  const answer = options.reason ?? (options.batch ? '1' : await prompt.ask('\nEnter 1-7 [1]: '))
  const chosen = /^[1-7]?$/.test(answer) ? menu[Number(answer || '1') - 1] : undefined
  if (chosen === undefined) throw new ScriptExit(`'${escaped(answer)}' is none of 1 to 7; nothing was revoked.`)
  const [shown, reason] = chosen
  io.stdout.write(`You are about to revoke this certificate with reason '${shown}'.\n`)
  const sure = options.yes || /^[yY]$/.test(await prompt.ask('Are you SURE you wish to continue? [y/N]: '))
  if (!sure) throw new ScriptExit('Exiting.')
  const key = await unlock(call, tree, 'Enter passphase for signing CA key: ')
  const changed = tree.revoke(der, reason, key, now())
  printDifferences(io, ['crlLife'])
  if (!changed) io.stdout.write('\nIt had been revoked before; the list was signed again.\n')
  io.stdout.write('\nServer certificate revoked.\n\n')
}

function readCertificate(file: string): Buffer {
  try {
    return pemOrDer(readWhole(file, 1 << 20), ['CERTIFICATE'], 'the file')
  } catch {
    throw new ScriptExit(`Could not read certificate '${escaped(file)}', exiting.`)
  }
}

/** The directory above the one that the script was started from, or the one that one is in. */
function findTree(): EasyCaTree {
  const places = [dirname(dirname(process.argv[1] ?? '')), process.cwd(), dirname(process.cwd())]
  const found = places.find(place => EasyCaTree.isTree(place))
  if (found === undefined)
    throw new ScriptExit('There is no CA here; run this in the directory that create-root-ca made, exiting.')
  return new EasyCaTree(found)
}

async function askSettings(
  { options, io, prompt }: Call,
  dir: string,
  above: Partial<TreeSettings>,
): Promise<TreeSettings> {
  const given = options.subject === undefined ? undefined : subjectIn(options.subject)
  const ask = async (question: string, value: string) =>
    options.batch || given !== undefined ? value : prompt.askWithDefault(question, value)
  const label = easyCaName(await ask('Short label for new CA', defaultLabel(dir)))
  const domain = await ask(
    'Domain name for new CA',
    above.domain ?? (options.batch || given !== undefined ? 'localhost' : ''),
  )
  if (!/^[A-Za-z0-9.-]+(?::\d+)?$/.test(domain)) throw new ScriptExit('Domain is required, exiting.')
  io.stdout.write(`\nCRL URL will be http://${domain}/ca/${label}.crl\n\n`)
  const { C = '', ST = '', L = '', O = '', OU = '' } = given?.subject ?? above.subject ?? {}
  const subject = {
    C: await ask('Default country code for new certificates', C),
    ST: await ask('Default state for new certificates', ST),
    L: await ask('Default city for new certificates', L),
    O: await ask('Default organization for new certificates', O || 'Example'),
    OU: await ask('Default organizational unit for new certificates', OU),
  }
  checkCountry(subject.C)
  const commonName =
    given?.commonName ?? (await ask('Common Name for CA certificate', `${subject.O} Certificate Authority`))
  return { label, domain, subject, commonName }
}

async function askSubject(
  { options, prompt }: Call,
  { subject }: TreeSettings,
  name: string,
): Promise<{ readonly subject: SubjectParts; readonly commonName: string }> {
  if (options.subject !== undefined) {
    const given = subjectIn(options.subject)
    // What is not given is the authority's, as an empty answer would have it.
    return { subject: { ...subject, ...given.subject }, commonName: given.commonName ?? name }
  }
  if (options.batch) return { subject, commonName: name }
  const ask = (question: string, value = '') => prompt.askWithDefault(question, value)
  const answers = {
    C: await ask('Country Name (2 letter code)', subject.C),
    ST: await ask('State or Province Name', subject.ST),
    L: await ask('Locality Name', subject.L),
    O: await ask('Organization Name', subject.O),
    OU: await ask('Organizational Unit Name', subject.OU),
  }
  checkCountry(answers.C)
  return { subject: answers, commonName: await ask('Common Name', name) }
}

/** `/C=PT/O=Example/CN=name`, as openssl(1) takes it; a value has no `/`. */
function subjectIn(text: string): { readonly subject: SubjectParts; readonly commonName: string | undefined } {
  const parts = new Map<string, string>()
  for (const part of text.replace(/^\//, '').split('/')) {
    const [, type = '', value = ''] = /^(C|ST|L|O|OU|CN)=(.+)$/.exec(part) ?? []
    if (type === '' || parts.has(type)) {
      throw new ScriptExit(`--subject has '${escaped(part)}'; it is like /C=PT/O=Example/CN=name, exiting.`)
    }
    parts.set(type, value)
  }
  const commonName = parts.get('CN')
  parts.delete('CN')
  checkCountry(parts.get('C') ?? '')
  return { subject: Object.fromEntries(parts), commonName }
}

function keyTypeOf({ keyType }: ScriptOptions): KeyType | undefined {
  return keyType === undefined ? undefined : parseKeyType(keyType)
}

function leafOf(options: ScriptOptions): { lifetimeDays?: number; keyType?: KeyType } {
  const lifetimeDays = wholeNumber(options.days, 'days')
  const keyType = keyTypeOf(options)
  return {
    ...(lifetimeDays === undefined ? {} : { lifetimeDays }),
    ...(keyType === undefined ? {} : { keyType }),
  }
}

function checkCountry(code: string): void {
  if (code !== '' && !/^[A-Za-z]{2}$/.test(code))
    throw new ScriptExit(`A country code has two letters, not '${escaped(code)}', exiting.`)
}

async function choosePassphrase({ options, prompt }: Call, what: string): Promise<string> {
  if (options.passFile !== undefined) return passphraseIn(options.passFile)
  const first = await prompt.askSecret(`Enter passphase for encrypting ${what}: `)
  const second = await prompt.askSecret(`Verifying - Enter passphase for encrypting ${what}: `)
  if (first !== second) throw new ScriptExit('Passphrases did not match, exiting.')
  // Before a directory is made for nothing.
  checkPassphrase(first)
  return first
}

async function unlock({ options, io, prompt }: Call, tree: EasyCaTree, question: string) {
  if (tree.hasPlainKey) {
    printDifferences(io, ['plainKey'])
    return tree.unlock('')
  }
  return tree.unlock(options.passFile === undefined ? await prompt.askSecret(question) : passphraseIn(options.passFile))
}

function passphraseIn(file: string): string {
  return readWhole(file, 4096).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

/** Links to this program, where the scripts copied themselves. */
function linkBinaries(dir: string): void {
  const program = realpathSync(join(import.meta.dirname, '../../../bin/castellan'))
  for (const name of binaries) symlinkSync(program, join(dir, 'bin', name))
}

function escaped(text: string): string {
  return escapeText(text, 256)
}
