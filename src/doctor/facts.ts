// Everything that the rules ask about, gathered first and in one place. Files are opened for reading; nothing is written, bound
// or started.

import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { wallClock } from '../base/clock.ts'
import { escapeText } from '../base/escape.ts'
import { maximumConfigBytes } from '../config/config-files.ts'
import type { OptionTable } from '../config/option.ts'
import { parseFile } from '../config/parse.ts'
import { type AclLines, readAclLines } from './acl-lines.ts'
import { type Beside, lookBeside } from './beside.ts'
import {
  type Configuration,
  isTrue,
  mostLines,
  type PluginLines,
  readConfiguration,
  type Setting,
} from './configuration.ts'
import { DoctorError } from './errors.ts'
import type { Problem } from './finding.ts'
import { configFiles, isInMemory, look, mostBytes, readBytes, whereIs } from './look.ts'
import { type PasswordLine, readPasswordLines } from './password-lines.ts'
import { type PskLine, readPskLines } from './psk-lines.ts'
import { readSecurityFile, type SecurityFacts } from './security-file.ts'
import { readNamed, readTls, type TlsFacts } from './tls-facts.ts'

/** A file that a line names, as it was read. */
export interface Named<T> {
  readonly setting: Setting
  readonly path: string
  readonly content: T
}

/** Who may do what with a file that a line names; undefined modes where it cannot be seen. */
export interface FileMode {
  readonly setting: Setting
  readonly path: string
  readonly kind: 'key' | 'password' | 'rules' | 'psk' | 'security' | 'secret'
  readonly mode: number | undefined
}

export interface PluginFile {
  readonly plugin: PluginLines
  readonly mode: number | undefined
  readonly directoryMode: number | undefined
}

export interface Facts {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly configuration: Configuration
  /** What a broker would refuse, and what could not be read. */
  readonly problems: readonly Problem[]
  readonly passwords: readonly Named<readonly PasswordLine[]>[]
  readonly acls: readonly Named<AclLines>[]
  readonly psks: readonly Named<readonly PskLine[]>[]
  readonly securities: readonly Named<SecurityFacts>[]
  readonly tls: readonly TlsFacts[]
  readonly beside: Beside
  readonly modes: readonly FileMode[]
  readonly pluginFiles: readonly PluginFile[]
  readonly persistence: { readonly setting: Setting; readonly mode: number; readonly isInMemory: boolean } | undefined
  readonly keepsTime: boolean
}

export interface Surroundings {
  readonly now: number
  /** Whether the machine's clock is kept right, as far as that can be seen. */
  readonly keepsTime: boolean
}

/**
 * Reads a configuration and all that it names.
 *
 * @param table every option that is known, by name
 * @throws DoctorError for a file that cannot be read, or is something else
 */
export async function gatherFacts(
  file: string,
  table: OptionTable,
  { now, keepsTime }: Surroundings = surroundings(),
): Promise<Facts> {
  const configuration = readMain(file, table)
  const problems: Problem[] = [...refusals(file, table)]
  if (configuration.settings.length === mostLines) {
    problems.push({ place: { file }, message: `only the first ${mostLines} lines were looked at` })
  }
  const read = (setting: Setting) => readNamed(setting, file, mostBytes, problems)
  const noteOn = (path: string) => (message: string) => problems.push({ place: { file: path }, message })
  const named = secretFiles(configuration)
  const tls: TlsFacts[] = []
  for (const listener of configuration.listeners) {
    const facts = await readTls(listener, file, problems)
    if (facts !== undefined) tls.push(facts)
  }
  const passwords: Named<readonly PasswordLine[]>[] = []
  for (const each of readAll(named.password, read)) {
    passwords.push({ ...each, content: await readPasswordLines(each.content.toString('utf8'), noteOn(each.path)) })
  }
  const securities: Named<SecurityFacts>[] = []
  for (const each of readAll(named.security, read)) {
    const content = await readSecurityFile(each.content, each.path, noteOn(each.path))
    if (content !== undefined) securities.push({ ...each, content })
  }
  return {
    now,
    keepsTime,
    configuration,
    problems,
    passwords,
    acls: readAll(named.rules, read).map(each => ({
      ...each,
      content: readAclLines(each.content.toString('utf8'), noteOn(each.path)),
    })),
    psks: readAll(named.psk, read).map(each => ({ ...each, content: readPskLines(each.content.toString('utf8')) })),
    securities,
    tls,
    beside: lookBeside(served(configuration)),
    modes: modesOf(configuration, named),
    pluginFiles: configuration.plugins.map(plugin => pluginFile(plugin, file)),
    persistence: persistenceOf(configuration),
  }
}

function readMain(file: string, table: OptionTable): Configuration {
  const content = readBytes(file, maximumConfigBytes)
  if (typeof content === 'string') throw new DoctorError(`'${escapeText(file, 4096)}' cannot be read: ${content}`)
  const configuration = readConfiguration(file, table, configFiles)
  if (configuration.hasKnownOptions || configuration.settings.length === 0) return configuration
  throw new DoctorError(`'${escapeText(file, 4096)}' is no mosquitto.conf: no line of it begins with an option`)
}

/** What Mosquitto would say to it, and stop at. */
function refusals(file: string, table: OptionTable): readonly Problem[] {
  return parseFile(table, file, configFiles)
    .problems.filter(({ refusedBy }) => refusedBy === 'mosquitto')
    .map(({ message, locations: [place], hint }) => ({
      place,
      message: hint === undefined ? message : `${message} ${hint}`,
    }))
}

type SecretFiles = Readonly<Record<'password' | 'rules' | 'psk' | 'security', readonly Setting[]>>

/** By line: an option of the broker, or of a plugin that knows it. */
function secretFiles(configuration: Configuration): SecretFiles {
  return {
    password: configuration.every('password_file'),
    rules: configuration.every('acl_file'),
    psk: configuration.every('psk_file'),
    security: configuration.plugins
      .filter(({ baseName }) => /dynamic_security|cedalo_mosquitto_ha/.test(baseName))
      .flatMap(plugin => plugin.last('config_file') ?? []),
  }
}

function readAll(
  settings: readonly Setting[],
  read: (setting: Setting) => { readonly bytes: Buffer; readonly path: string } | undefined,
): readonly Named<Buffer>[] {
  const files = new Map<string, Named<Buffer>>()
  for (const setting of settings) {
    const file = read(setting)
    if (file !== undefined) files.set(file.path, { setting, path: file.path, content: file.bytes })
  }
  return [...files.values()]
}

/** The files of TLS that lines name. */
function served({ file, listeners }: Configuration): readonly string[] {
  return listeners
    .flatMap(listener => ['certfile', 'keyfile', 'cafile'].flatMap(key => listener.last(key) ?? []))
    .map(({ value }) => whereIs(value, file))
}

function modesOf(configuration: Configuration, named: SecretFiles): readonly FileMode[] {
  const keys = configuration.every('keyfile', 'bridge_keyfile')
  const secret = configuration.every(...secretOptions)
  const kinds = Object.entries({ key: keys, ...named, secret }) as [FileMode['kind'], readonly Setting[]][]
  const files = kinds.flatMap(([kind, settings]) =>
    settings.map(setting => {
      const path = whereIs(setting.value, configuration.file)
      return { setting, path, kind, mode: look(path)?.mode }
    }),
  )
  // A configuration is a file with a secret when a bridge's password stands in it.
  const written = new Map(configuration.every('remote_password', 'bridge_psk').map(setting => [setting.file, setting]))
  const inside = [...written].map(([path, setting]) => ({
    setting,
    path,
    kind: 'secret' as const,
    mode: look(path)?.mode,
  }))
  // Listeners may share a file.
  return [...new Map([...files, ...inside].map(file => [file.path, file])).values()]
}

/** Options of ours that name a file with a secret. */
const secretOptions = [
  'auth_http_secret_file',
  'ca_passphrase_file',
  'jwt_secret_file',
  'ldap_bind_password_file',
  'tls_keylog',
]

function pluginFile(plugin: PluginLines, configFile: string): PluginFile {
  const path = whereIs(plugin.path, configFile)
  return { plugin, mode: look(path)?.mode, directoryMode: look(dirname(path))?.mode }
}

function persistenceOf({ file, globals }: Configuration): Facts['persistence'] {
  const setting = globals.last('persistence_location')
  if (setting === undefined || !isTrue(globals.last('persistence'))) return undefined
  const path = whereIs(setting.value, file)
  const seen = look(path)
  return seen?.isDirectory ? { setting, mode: seen.mode, isInMemory: isInMemory(path) } : undefined
}

/** What services that set the clock leave behind while they run. */
const timeServices = [
  '/run/systemd/timesync/synchronized',
  '/run/chrony',
  '/run/chronyd.pid',
  '/run/chrony.sock',
  '/run/ntpd.pid',
  '/run/ntpd',
  '/run/openntpd',
]

/** A machine without systemd may be a container, whose clock is kept outside. */
function surroundings(): Surroundings {
  const keepsTime = !existsSync('/run/systemd/system') || timeServices.some(existsSync)
  return { now: wallClock(), keepsTime }
}
