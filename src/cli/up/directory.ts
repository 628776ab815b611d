// The data directory of `castellan up`: made whole or not at all, and recognised later.

import { randomBytes, X509Certificate } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import { systemReason } from '../../base/system-reason.ts'
import type { IssuedCertificate } from '../../pki/engine.ts'
import { exitCode } from '../exit-code.ts'
import { makeDirectories } from '../make-directories.ts'
import { type UpArguments, UpError } from './arguments.ts'
import { aclText, clientFiles, configMark, configText, type DataDirectory, dataDirectory } from './template.ts'

export const defaultPort = 8883
export const defaultLocalPort = 1883
/** The identities of a new directory. */
export const clientNames = ['admin', 'device-1'] as const
/** The profile's 90 days are for certificates that renew themselves, which this one does not yet. */
const serverLifetimeDays = 397

/**
 * @returns whether the directory is one that `castellan up` made; false when it is absent or empty
 * @throws UpError when something else lives there, or a file of ours is gone
 */
export function isMade(files: DataDirectory): boolean {
  const shown = escapeText(files.dir)
  const stat = lstatSync(files.dir, { throwIfNoEntry: false })
  if (stat === undefined) return false
  const entries = readdirSync(files.dir)
  if (entries.length === 0 && stat.isDirectory()) return false
  if (!existsSync(files.config) || !readFileSync(files.config, 'utf8').startsWith(configMark)) {
    throw conflict(`'${shown}' is not empty and castellan up did not make it; choose another directory with --dir`)
  }
  const { root, trust, lists } = files.authority
  for (const file of [root, trust, lists, files.server.certificate, files.server.privateKey]) {
    if (!existsSync(file))
      throw conflict(`'${escapeText(file)}' is gone; put it back, or choose another directory with --dir`)
  }
  return true
}

/** Makes the directory beside its place and moves it there in one step: nobody ever sees a part of it. */
export async function make(files: DataDirectory, wanted: UpArguments, now: number): Promise<void> {
  refuseWorkingDirectory(files.dir)
  const names = [...new Set([...ownName(), 'localhost', '127.0.0.1', '::1', ...wanted.hosts])]
  const building = dataDirectory(`${files.dir}.new-${randomBytes(6).toString('hex')}`)
  try {
    makeDirectories(dirname(files.dir))
    makePrivateDirectories(building)
    await issueAll(building, names, now)
    const asRoot = process.geteuid?.() === 0
    const { port = defaultPort, localPort = defaultLocalPort, metricsPort } = wanted
    const text = configText(files, { port, localPort, metricsPort }, asRoot)
    write(building.acl, aclText)
    write(building.passwords, '')
    write(building.config, text)
    renameSync(building.dir, files.dir)
  } catch (error) {
    rmSync(building.dir, { recursive: true, force: true })
    throw asMakeError(error, files.dir)
  }
}

/** @throws UpError when the configuration still names the place where the directory was before it was moved or copied */
export function refuseMoved(files: DataDirectory): void {
  const former = formerPlace(files, readFileSync(files.config, 'utf8'))
  if (former === undefined || sameDirectory(former, files.dir)) return
  const [old, now, config] = [former, files.dir, files.config].map(path => escapeText(path))
  throw conflict(
    `'${now}' was made as '${old}', and its paths still begin so; move it back, or write '${now}' for '${old}' in '${config}'`,
  )
}

/** The directory that all paths of ours have in common; undefined when somebody gave one of them a place of its own. */
function formerPlace(files: DataDirectory, config: string): string | undefined {
  const ours = {
    acl_file: files.acl,
    password_file: files.passwords,
    certfile: files.server.certificate,
    keyfile: files.server.privateKey,
    cafile: files.authority.trust,
    crlfile: files.authority.lists,
    ca_directory: files.authority.directory,
  }
  const places = Object.entries(ours).map(([option, path]) => {
    const below = path.slice(files.dir.length)
    const named = new RegExp(`^${option} +(.*?) *$`, 'm').exec(config)?.[1]
    return named?.endsWith(below) ? named.slice(0, -below.length) : undefined
  })
  return new Set(places).size === 1 ? places[0] : undefined
}

function sameDirectory(one: string, other: string): boolean {
  return one === other || (existsSync(one) && realpathSync(one) === realpathSync(other))
}

export interface Ports {
  readonly port: number
  readonly localPort: number | undefined
  readonly metricsPort: number | undefined
}

/**
 * What an existing directory's configuration says.
 *
 * @throws UpError when the command line asks for something else: nothing in the directory is ever changed
 */
export function portsOf(files: DataDirectory, wanted: UpArguments): Ports {
  const config = readFileSync(files.config, 'utf8')
  const port = numberIn(config, /^listener +(\d+) *$/m)
  const localPort = numberIn(config, /^listener +(\d+) +127\.0\.0\.1 *$/m)
  const shown = escapeText(files.config)
  if (port === undefined) {
    throw conflict(`'${shown}' has no line 'listener PORT' any more; start it with castellan run -c '${shown}'`)
  }
  if (wanted.port !== undefined && wanted.port !== port) throw otherPort('--port', wanted.port, port, shown)
  if (wanted.localPort !== undefined && wanted.localPort !== localPort) {
    throw otherPort('--local-port', wanted.localPort, localPort, shown)
  }
  const metricsPort = numberIn(config, /^metrics_listener +(\d+) *$/m)
  if (wanted.metricsPort !== undefined && wanted.metricsPort !== metricsPort) {
    throw otherPort('--metrics-port', wanted.metricsPort, metricsPort, shown)
  }
  return { port, localPort, metricsPort }
}

/**
 * The server certificate of an existing directory.
 *
 * @throws UpError when it does not hold for a name that the command line asks for
 */
export function serverCertificate(files: DataDirectory, hosts: readonly string[]): X509Certificate {
  const x509 = new X509Certificate(readFileSync(files.server.certificate))
  for (const host of hosts) {
    const held = isIP(host) === 0 ? x509.checkHost(host) : x509.checkIP(host)
    if (held !== undefined) continue
    throw conflict(
      `the server certificate in '${escapeText(files.dir)}' does not hold for '${escapeText(host, 80)}', and castellan up changes nothing that is there; leave --host away, or make another directory with --dir`,
    )
  }
  return x509
}

/** Moving a new directory into its place would leave the caller's shell in the old one. */
function refuseWorkingDirectory(dir: string): void {
  if (existsSync(dir) && realpathSync(dir) === realpathSync(process.cwd())) {
    throw conflict(`'${escapeText(dir)}' is the directory you are in; choose one inside it with --dir`)
  }
}

function makePrivateDirectories(files: DataDirectory): void {
  // The umask may only take away; these must be exactly so.
  for (const dir of [files.dir, dirname(files.server.certificate), files.clients]) {
    mkdirSync(dir, { mode: 0o700 })
    chmodSync(dir, 0o700)
  }
}

/** An authority as `castellan ca init` makes it, its keys in the clear (decision 16), and the first certificates. */
async function issueAll(files: DataDirectory, names: readonly string[], now: number): Promise<void> {
  // Loaded here, so that a second start does not pay for it.
  const [{ initDirectory }, { CertificateEngine }] = await Promise.all([
    import('../../pki/ca-directory.ts'),
    import('../../pki/engine.ts'),
  ])
  const { directory } = files.authority
  const name = `Castellan ${randomBytes(4).toString('hex')}`
  const inTheClear = { passphrase: undefined, rootPassphrase: undefined }
  await initDirectory(directory, { name, keyType: 'ec-p256', ...inTheClear, now })
  const engine = new CertificateEngine(directory)
  await engine.resignCrls(now)
  const options = { now, by: 'castellan up' }
  const generate = { kind: 'generate' } as const
  const [first = 'localhost', ...alternatives] = names
  const server = { ...options, lifetimeDays: serverLifetimeDays }
  writePair(files.server, await engine.issue('server', { name: first, alternatives }, generate, server))
  for (const client of clientNames) {
    writePair(clientFiles(files, client), await engine.issue('device', { name: client }, generate, options))
  }
}

interface PairPaths {
  readonly certificate: string
  readonly privateKey: string
}

/** The certificate with the authority below the root: whoever checks it may know the root alone. */
function writePair(paths: PairPaths, { certificate, chain, privateKey = '' }: IssuedCertificate): void {
  write(paths.certificate, certificate + chain)
  write(paths.privateKey, privateKey)
}

function write(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true })
}

/** A machine without a name, or with one that fits no certificate, goes by localhost. */
function ownName(): string[] {
  const name = hostname().toLowerCase()
  return /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name) ? [name] : []
}

/** Errors of the system while a directory is looked at, in words; all others as they are. */
export function asReadError(error: unknown, { dir }: DataDirectory): unknown {
  const { syscall, path = dir } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  const advice = 'start it as a user who may, or choose another directory with --dir'
  return new UpError(`'${escapeText(path)}' cannot be read (${systemReason(error)}); ${advice}`, exitCode.failed)
}

/** Errors of the system while a directory is made, in words; all others as they are. */
function asMakeError(error: unknown, dir: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  const advice =
    code === 'EBUSY' || code === 'EXDEV'
      ? 'a mount point cannot be replaced; choose a directory inside it'
      : 'choose another directory'
  return new UpError(
    `'${escapeText(dir)}' cannot be made (${systemReason(error)}); ${advice} with --dir`,
    exitCode.failed,
  )
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const match = pattern.exec(text)
  return match === null ? undefined : Number(match[1])
}

function otherPort(option: string, wanted: number, has: number | undefined, config: string): UpError {
  return conflict(
    `${option} ${wanted}: the directory was made with ${has ?? 'none'}, and castellan up changes nothing that is there; leave ${option} away, or edit the listener line of '${config}'`,
  )
}

function conflict(message: string): UpError {
  return new UpError(message, exitCode.conflict)
}
