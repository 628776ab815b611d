// The file of a first start: an administrator, the roles that most need, and nothing for clients without a name.

import { randomBytes } from 'node:crypto'
import { type PasswordEntry, parsePasswordEntry } from '../auth/password-file.ts'
import { createPasswordHash, formatPasswordHash } from '../auth/password-hash.ts'
import { readSecretFile, SecretFileError } from '../auth/secret-file.ts'
import { DynamicSecurityError } from './errors.ts'
import { type AclType, Client, Group, noPriority, Role } from './model.ts'
import { SecurityState } from './state.ts'

export interface FirstStart {
  readonly state: SecurityState
  /** The passwords that were made up, for a file beside the other; undefined when the administrator chose one. */
  readonly passwords: string | undefined
}

const leastCharacters = 12
const randomPasswordBytes = 15
const all: readonly AclType[] = ['publishClientSend', 'publishClientReceive', 'subscribePattern', 'unsubscribePattern']

const initialRoles: readonly (readonly [name: string, topic: string, types: readonly AclType[]])[] = [
  ['client', '#', all],
  ['broker-admin', '$CONTROL/broker/#', all],
  ['dynsec-admin', '$CONTROL/dynamic-security/#', all],
  ['super-admin', '$CONTROL/#', all],
  ['sys-notify', '$SYS/broker/connection/%c/state', ['publishClientSend']],
  ['sys-observe', '$SYS/#', ['publishClientReceive', 'subscribePattern']],
  ['topic-observe', '#', ['publishClientReceive', 'subscribePattern', 'unsubscribePattern']],
]

/**
 * @param initFile `plugin_opt_password_init_file`: the administrator's password is its first line
 * @param env where `MOSQUITTO_DYNSEC_PASSWORD` is looked for without it
 * @throws DynamicSecurityError when the password that was given cannot be used
 */
export async function firstStart(initFile: string | undefined, env: NodeJS.ProcessEnv): Promise<FirstStart> {
  const chosen = initFile === undefined ? passwordFromEnvironment(env) : passwordFromFile(initFile)
  const state = initialState()
  const admin = chosen ?? randomPassword()
  await addClient(state, 'admin', admin, 'Admin user', ['super-admin', 'sys-observe', 'topic-observe'])
  if (chosen !== undefined) return { state, passwords: undefined }
  const demo = randomPassword()
  await addClient(state, 'democlient', demo, undefined, ['client'])
  return { state, passwords: `admin ${admin}\ndemoclient ${demo}\n` }
}

/** One that can be checked, made by what new passwords are made by here. */
export async function hashPassword(password: string): Promise<PasswordEntry> {
  // Mosquitto 2.0 reads no other kind in this file.
  const hash = await createPasswordHash('sha512-pbkdf2', Buffer.from(password))
  return parsePasswordEntry(formatPasswordHash(hash))
}

function initialState(): SecurityState {
  const state = new SecurityState()
  state.defaultAccess = { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true }
  for (const [name, topic, types] of initialRoles) {
    const role = new Role(name)
    state.roles.add(role)
    const acls = types.map(type => ({ type, topic, priority: 0, allow: true }))
    state.setRules(role, acls, true)
  }
  const unauthenticated = new Group('unauthenticated')
  state.groups.add(unauthenticated)
  state.anonymousGroup = unauthenticated
  return state
}

async function addClient(
  state: SecurityState,
  name: string,
  password: string,
  textName: string | undefined,
  roles: readonly string[],
): Promise<void> {
  const client = new Client(name)
  client.textName = textName
  client.password = await hashPassword(password)
  state.clients.add(client)
  for (const role of roles.map(rolename => state.roles.get(rolename))) {
    if (role !== undefined) state.giveRole(client, role, noPriority)
  }
}

function passwordFromFile(path: string): string {
  try {
    const line = readSecretFile(path).bytes.toString('utf8').split('\n')[0]?.trim() ?? ''
    if (line !== '') return line
  } catch (cause) {
    if (!(cause instanceof SecretFileError)) throw cause
    throw new DynamicSecurityError(`Not generating dynsec config, password_init_file: ${cause.message}.`, { cause })
  }
  throw new DynamicSecurityError('Not generating dynsec config, the first line of password_init_file is empty.')
}

function passwordFromEnvironment({ MOSQUITTO_DYNSEC_PASSWORD: password }: NodeJS.ProcessEnv): string | undefined {
  if (password === undefined || password.length >= leastCharacters) return password
  throw new DynamicSecurityError(
    `Not generating dynsec config, MOSQUITTO_DYNSEC_PASSWORD must be at least ${leastCharacters} characters.`,
  )
}

function randomPassword(): string {
  return randomBytes(randomPasswordBytes).toString('base64url')
}
