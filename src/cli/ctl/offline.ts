// What `castellan ctl dynsec` does without a broker: begins a file of dynamic security, and sets a password in one.

import { closeSync, fsyncSync, openSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { parsePasswordEntry } from '../../auth/password-file.ts'
import { createPasswordHash, formatPasswordHash, PasswordHashError } from '../../auth/password-hash.ts'
import { readSecretFile, SecretFileError } from '../../auth/secret-file.ts'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import { DynamicSecurityError } from '../../dynsec/errors.ts'
import { fileText } from '../../dynsec/file-text.ts'
import { hashPassword } from '../../dynsec/first-start.ts'
import { isMqttText, isObject, type JsonObject, member, objectsOf, textOf } from '../../dynsec/json.ts'
import { type Acl, type AclType, Client, noPriority, Role } from '../../dynsec/model.ts'
import { passwordFields } from '../../dynsec/password-fields.ts'
import { logPath, recover } from '../../dynsec/recover.ts'
import { SecurityState } from '../../dynsec/state.ts'
import { replaceSecretFile } from '../replace-file.ts'
import { CtlError, CtlUsageError, oldCodes } from './error.ts'

/** Where a password comes from that is to be set. */
export interface NewPassword {
  /** By `--password-file` or `--password-env`. */
  readonly typed: string | undefined
  /** Asks twice. @returns undefined when nothing was typed */
  ask(name: string): Promise<string | undefined>
}

/**
 * `dynsec init FILE ADMIN [PASSWORD]`: a new file, for its owner alone, with one client that may administer.
 *
 * @returns what is printed
 * @throws CtlUsageError
 * @throws CtlError when the file is there already, or cannot be written
 */
export async function initDynsec(words: readonly string[], source: NewPassword): Promise<string> {
  const [path, admin, given] = words
  if (path === undefined || admin === undefined || words.length > 3) {
    const text = 'dynsec init: Not enough arguments - filename, or admin-user missing.'
    throw new CtlUsageError(words.length > 3 ? 'dynsec init: Too many arguments.' : text, oldCodes.operands)
  }
  if (admin === '' || !isMqttText(admin)) throw new CtlUsageError('dynsec init: The name of the admin cannot be used.')
  const password = await passwordFrom(source, given, admin)
  const state = await initialState(admin, password)
  createFile(path, [...fileText(state)].join(''))
  return initialised(escapeText(admin), escapeText(path, 4096))
}

/** @param given behind the name */
async function passwordFrom({ typed, ask }: NewPassword, given: string | undefined, name: string): Promise<string> {
  if (typed !== undefined && given !== undefined) {
    throw new CtlUsageError('Error: The password is given twice: as an option, and behind the name.')
  }
  const password = given ?? typed ?? (await ask(escapeText(name)))
  if (!password) throw new CtlError('Error: Empty password.')
  return password
}

const initialAcls: readonly (readonly [topic: string, types: readonly AclType[]])[] = [
  ['$CONTROL/dynamic-security/#', ['publishClientSend', 'publishClientReceive', 'subscribePattern']],
  ['$SYS/#', ['publishClientReceive', 'subscribePattern']],
  ['#', ['publishClientReceive', 'subscribePattern', 'unsubscribePattern']],
]

async function initialState(admin: string, password: string): Promise<SecurityState> {
  const state = new SecurityState()
  state.defaultAccess = { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true }
  const role = new Role('admin')
  state.roles.add(role)
  const acls = initialAcls.flatMap(([topic, types]) =>
    types.map((type): Acl => ({ type, topic, priority: 0, allow: true })),
  )
  state.setRules(role, acls, true)
  const client = new Client(admin)
  client.textName = 'Dynsec admin user'
  client.password = await hashPassword(password)
  state.clients.add(client)
  state.giveRole(client, role, noPriority)
  return state
}

function createFile(path: string, text: string): void {
  try {
    const descriptor = openSync(path, 'wx', 0o600)
    try {
      writeFileSync(descriptor, text)
      fsyncSync(descriptor)
    } catch (error) {
      rmSync(path)
      throw error
    } finally {
      closeSync(descriptor)
    }
  } catch (cause) {
    // Mosquitto's words.
    const why = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? 'File exists' : systemReason(cause)
    throw new CtlError(`dynsec init: Unable to open '${escapeText(path, 4096)}' for writing (${why}).`, { cause })
  }
}

function initialised(admin: string, path: string): string {
  return `The client '${admin}' has been created in the file '${path}'.
It may change dynamic security and read all topics, and publish on none. For applications make clients of their own:
   dynsec createClient USERNAME
   dynsec createRole ROLENAME
   dynsec addRoleACL ROLENAME publishClientSend my/topic allow
   dynsec addClientRole USERNAME ROLENAME
The broker has to be able to read and replace the file.
`
}

/**
 * `-f FILE dynsec setClientPassword USERNAME PASSWORD [-i ITERATIONS]`: a broker that runs takes it up within a second.
 *
 * @param command as it was asked for; no other can be done in a file
 * @throws CtlUsageError
 * @throws CtlError for a file that cannot be read or written, or has no such client
 */
export async function setPasswordInFile(
  path: string,
  command: string,
  words: readonly string[],
  source: NewPassword,
): Promise<void> {
  if (command !== 'setClientPassword') throw new CtlUsageError('Error: -f is for setClientPassword alone.')
  const { username, password: given, iterations } = passwordOperands(words)
  if (clientIn(readFile(path), username) === undefined) throw new CtlError(`${command}: Error: Client not found`)
  const password = await passwordFrom(source, given, username)
  const fields = await fieldsFor(password, iterations)
  // Read again: it may have changed while somebody was typing.
  const file = readFile(path)
  const clients = objectsOf(file, 'clients').map(client =>
    isNamed(client, username) ? changed(client, fields) : client,
  )
  checkNoneIsNewer(path, username)
  writeFile(path, { ...withoutMember(file, 'clients'), clients })
}

/** What a broker has answered and not yet written is carried out on the file again: it would count, and not what is set here. */
function checkNoneIsNewer(path: string, username: string): void {
  const isNewer = changesBehind(path).some(
    command => isNamed(command, username) && textOf(command, 'encoded_password') !== undefined,
  )
  if (!isNewer) return
  const log = escapeText(logPath(path), 4096)
  throw new CtlError(
    `Error: A command that set a password of '${escapeText(username)}' is in '${log}', not in the file yet, and would count. A broker that runs writes the file within ten seconds; try again then.`,
  )
}

function changesBehind(path: string): readonly JsonObject[] {
  try {
    return recover(path).commands
  } catch (error) {
    // A log that cannot be used keeps the broker from starting; whoever removes it for that goes on with the file.
    if (error instanceof DynamicSecurityError) return []
    throw error
  }
}

function passwordOperands(words: readonly string[]) {
  const at = words.indexOf('-i')
  const iterations = at === -1 ? undefined : Number(words[at + 1])
  const rest = at === -1 ? words : words.toSpliced(at, 2)
  const [username, password] = rest
  const isWrong =
    username === undefined || rest.length > 2 || (iterations !== undefined && !Number.isInteger(iterations))
  if (!isWrong) return { username, password, iterations }
  throw new CtlUsageError('Error: setClientPassword takes <username> [password] [-i iterations].', oldCodes.operands)
}

async function fieldsFor(password: string, iterations: number | undefined): Promise<JsonObject> {
  if (iterations === undefined) return passwordFields(await hashPassword(password))
  try {
    const hash = await createPasswordHash('sha512-pbkdf2', Buffer.from(password), iterations)
    return passwordFields(parsePasswordEntry(formatPasswordHash(hash)))
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error
    throw new CtlUsageError(`Error: ${error.message}.`, oldCodes.operands)
  }
}

function clientIn(file: JsonObject, username: string): JsonObject | undefined {
  return objectsOf(file, 'clients').find(client => isNamed(client, username))
}

function isNamed(client: JsonObject, username: string): boolean {
  return textOf(client, 'username') === username
}

/** The old password in neither of its forms. */
function changed(client: JsonObject, fields: JsonObject): JsonObject {
  const rest = ['password', 'salt', 'iterations', 'encoded_password'].reduce(withoutMember, client)
  return { ...rest, ...fields }
}

function withoutMember(object: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key.toLowerCase() !== name))
}

function readFile(path: string): JsonObject {
  try {
    const file: unknown = JSON.parse(readSecretFile(path).bytes.toString())
    if (isObject(file) && Array.isArray(member(file, 'clients'))) return file
  } catch (cause) {
    if (cause instanceof SecretFileError) throw new CtlError(`Error: ${cause.message}.`, { cause })
    // The parser's own words quote the text, and hashes are in it.
    if (!(cause instanceof SyntaxError)) throw cause
  }
  throw new CtlError(`Error: '${escapeText(path, 4096)}' is no file of dynamic security.`)
}

function writeFile(path: string, file: JsonObject): void {
  try {
    replaceSecretFile(realpathSync(path), Buffer.from(`${JSON.stringify(file, undefined, '\t')}\n`))
  } catch (cause) {
    throw new CtlError(`Error: '${escapeText(path, 4096)}' cannot be written (${systemReason(cause)}).`, { cause })
  }
}
