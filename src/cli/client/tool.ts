// What `castellan pub`, `sub` and `rr` have in common: help and version, errors in words, and one exit code for each name that the
// tool goes by.

import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { version } from '../../base/version.ts'
import type { Conversation } from '../../client/conversation.ts'
import {
  BrokerFaultError,
  ConnectionLostError,
  PropertyError,
  ProxyError,
  TlsFailedError,
  UnreachableError,
} from '../../client/errors.ts'
import type { Connect, Properties } from '../../mqtt/packet.ts'
import { CtlUsageError } from '../ctl/error.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { ClientError, type ClientExit, ClientUsageError, connectionLost, oldCodes, refused } from './error.ts'
import type { ClientOptions, Tool } from './options.ts'
import { passwordOf } from './password.ts'
import { connackText } from './reasons.ts'
import { connectOf, readClientSettings, versionOf } from './settings.ts'

/** What a tool has to work with. */
export interface ClientCall {
  readonly options: ClientOptions
  readonly connect: Connect
  readonly io: Io
  /** Tells of a failure, unless `--quiet` forbids it. */
  complain(message: string): void
  /** What `-d` prints; undefined without it. */
  readonly trace: ((line: string) => void) | undefined
}

/** How a tool is called: the name decides what its exit codes mean. */
export interface ClientName {
  readonly tool: Tool
  /** `castellan pub`, or `mosquitto_pub`. */
  readonly shown: string
  readonly isOld: boolean
}

/** @returns the exit code */
export async function runClient(
  name: ClientName,
  args: readonly string[],
  io: Io,
  work: (call: ClientCall) => Promise<ClientExit>,
): Promise<number> {
  let isQuiet = false
  // Whoever read our lines may have gone.
  io.stdout.on('error', () => {})
  try {
    const options = readClientSettings(args, name.tool, io.env)
    if (options.help) return await help(name, io)
    if (options.showVersion) return showVersion(name, io)
    isQuiet = options.quiet === true
    return codeOf(await work(await callOf(name.tool, options, io)), name)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const isUsage =
      error instanceof ClientUsageError || error instanceof PropertyError || error instanceof CtlUsageError
    if (isUsage) io.stderr.write(`${error.message}\n\nUse '${name.shown} --help' to see usage.\n`)
    else if (!isQuiet) io.stderr.write(`${textOf(error)}\n`)
    return codeOf(isUsage ? { oldCode: oldCodes.failed, code: exitCode.usage } : exitOf(error), name)
  }
}

async function callOf(tool: Tool, options: ClientOptions, io: Io): Promise<ClientCall> {
  const password = await passwordOf(options, io)
  return {
    options,
    connect: connectOf(options, tool, password),
    io,
    complain: message => void (options.quiet || io.stderr.write(`${message}\n`)),
    trace: options.debug && (line => void io.stdout.write(`${io.stdout.isTTY ? escapeText(line, 4096) : line}\n`)),
  }
}

function codeOf(exit: ClientExit, { isOld }: ClientName): number {
  return isOld ? exit.oldCode : exit.code
}

/** In Mosquitto's words, and what is behind it. */
function textOf(error: AppError): string {
  return error instanceof TlsFailedError
    ? `Error: A TLS error occurred. (${error.message.replace(/^Error: /, '')})`
    : error.message
}

function exitOf(error: AppError): ClientExit {
  if (error instanceof ClientError) return error.exit
  if (error instanceof ConnectionLostError) return connectionLost
  if (error instanceof TlsFailedError) return { oldCode: oldCodes.tls, code: exitCode.unreachable }
  if (error instanceof ProxyError) return { oldCode: oldCodes.proxy, code: exitCode.unreachable }
  if (error instanceof UnreachableError) return { oldCode: oldCodes.failed, code: exitCode.unreachable }
  if (error instanceof BrokerFaultError) return { oldCode: oldCodes.protocol, code: exitCode.failed }
  return { oldCode: oldCodes.failed, code: exitCode.failed }
}

/** Mosquitto's tools exit with 1 after their help, and after their version. */
async function help(name: ClientName, io: Io): Promise<number> {
  const { clientHelp } = await import('./help.ts')
  io.stdout.write(clientHelp(name))
  return name.isOld ? oldCodes.failed : exitCode.ok
}

function showVersion(name: ClientName, io: Io): number {
  io.stdout.write(`${name.shown} version ${version()} running on castellan ${version()}.\n`)
  return name.isOld ? oldCodes.failed : exitCode.ok
}

/** What a broker that says no says, and the exit code that comes of it. */
export function complainOfRefusal({ connect, complain }: ClientCall, code: number): ClientExit {
  complain(`Connection error: ${connackText(code, connect.protocolVersion)}`)
  return refused(code)
}

/** The version decides: what older ones cannot say is left out. */
export function packetProperties(
  options: ClientOptions,
  command: keyof ClientOptions['properties'],
  tool: Tool,
): Properties {
  return versionOf(options, tool) === 5 ? (options.properties[command] ?? {}) : {}
}

/** Says goodbye with the properties that `-D disconnect` has given. */
export function leave(conversation: Conversation, { options }: ClientCall, reasonCode = 0): void {
  conversation.disconnect(reasonCode, options.properties.disconnect ?? {})
}
