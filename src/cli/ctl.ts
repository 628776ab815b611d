// `castellan ctl`, and `mosquitto_ctrl` under its old name: asks a running broker to do something, and prints what it answers.

import { randomBytes } from 'node:crypto'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { version } from '../base/version.ts'
import { RefusedError, UnreachableError } from '../client/errors.ts'
import { isObject, type JsonObject, member, textOf } from '../dynsec/json.ts'
import { brokerModule } from './ctl-broker.ts'
import type { CtlCommand, CtlModule } from './ctl-command.ts'
import { dynsecModule } from './ctl-dynsec.ts'
import { CommandRefused, CtlUsageError, oldCodes } from './ctl-error.ts'
import { ask } from './ctl-exchange.ts'
import { ctlHelp } from './ctl-help.ts'
import { initDynsec, setPasswordInFile } from './ctl-offline.ts'
import { readOperands } from './ctl-operands.ts'
import type { CtlOptions } from './ctl-options.ts'
import { Prompts } from './ctl-prompts.ts'
import { type Access, accessOf, readRequest } from './ctl-request.ts'
import { exitCode } from './exit-code.ts'
import { Interrupted } from './secret-input.ts'
import type { Io } from './verbs.ts'

/** What the two names differ in: what a shell sees. */
interface Name {
  readonly calledAs: string
  readonly versionLine: () => string
  readonly codeOf: (error: AppError) => number
  readonly usageCode: number
}

/** `castellan ctl [OPTIONS] MODULE COMMAND …`. @returns the exit code */
export function ctl(args: readonly string[], io: Io): Promise<number> {
  return ctlAs(castellanCtl, args, io)
}

/** `mosquitto_ctrl`, with its own exit codes where it has any. */
export function mosquittoCtrl(args: readonly string[], io: Io): Promise<number> {
  return ctlAs(oldName, args, io)
}

const castellanCtl: Name = {
  calledAs: 'castellan ctl',
  versionLine: () => `castellan version ${version()}`,
  usageCode: exitCode.usage,
  codeOf(error) {
    if (error instanceof CtlUsageError) return exitCode.usage
    if (error instanceof UnreachableError) return exitCode.unreachable
    if (error instanceof RefusedError) return exitCode.denied
    if (!(error instanceof CommandRefused)) return exitCode.failed
    if (/ not found$| does not exist$/.test(error.why)) return exitCode.notFound
    return / already /.test(error.why) ? exitCode.conflict : exitCode.failed
  },
}

/** What the system refuses is 14 there; what a broker refuses was 0, which no script can have meant. */
const unreachableOldCode = 14

const oldName: Name = {
  calledAs: 'mosquitto_ctrl',
  versionLine: () => `mosquitto_ctrl version 2.1 (castellan ${version()})`,
  usageCode: oldCodes.usage,
  codeOf(error) {
    if (error instanceof CtlUsageError) return error.oldCode
    return error instanceof UnreachableError ? unreachableOldCode : exitCode.failed
  },
}

const modules: Readonly<Record<string, CtlModule>> = { dynsec: dynsecModule, broker: brokerModule }

async function ctlAs(name: Name, args: readonly string[], io: Io): Promise<number> {
  const prompts = new Prompts(io)
  let isQuiet = args.includes('--quiet')
  try {
    const { options, words } = readRequest(args, io.env)
    isQuiet = options.quiet === true
    return await perform({ name, options, io, prompts }, words)
  } catch (error) {
    if (error instanceof Interrupted) return exitCode.interrupted
    if (!(error instanceof AppError)) throw error
    if (!isQuiet) io.stderr.write(`${error.message}\n`)
    return name.codeOf(error)
  } finally {
    await prompts.close()
  }
}

interface Call {
  readonly name: Name
  readonly options: CtlOptions
  readonly io: Io
  readonly prompts: Prompts
}

async function perform(call: Call, words: readonly string[]): Promise<number> {
  const { name, options, io } = call
  const [moduleName, commandName, ...operands] = words
  if (options.help || options.showVersion) {
    io.stdout.write(options.help ? ctlHelp(name.calledAs) : `${name.versionLine()}\n`)
    return exitCode.ok
  }
  if (moduleName === undefined) {
    io.stderr.write(
      `Error: A module is missing; the interactive shell of 2.1 is not built.\n\n${ctlHelp(name.calledAs)}`,
    )
    return name.usageCode
  }
  const module = Object.hasOwn(modules, moduleName) ? modules[moduleName] : undefined
  if (module === undefined) {
    const known = Object.keys(modules).join(', ')
    const text = `Error: Module '${escapeText(moduleName, 64)}' not supported; modules are ${known}.`
    throw new CtlUsageError(text, oldCodes.module)
  }
  if (commandName === undefined || commandName === 'help') {
    io[commandName === undefined ? 'stderr' : 'stdout'].write(module.help(name.calledAs))
    return commandName === undefined ? name.usageCode : exitCode.ok
  }
  return carryOut(call, module, commandName, operands)
}

async function carryOut(call: Call, module: CtlModule, word: string, operands: readonly string[]): Promise<number> {
  const { options, io, prompts } = call
  const lower = word.toLowerCase()
  if (module === dynsecModule && lower === 'init') {
    io.stdout.write(await initDynsec(operands, prompts))
    return exitCode.ok
  }
  const found = Object.entries(module.commands).find(([known]) => known.toLowerCase() === lower)
  if (found === undefined) {
    throw new CtlUsageError(`Command '${escapeText(word, 64)}' not recognised.`, oldCodes.command)
  }
  if (options.dynsecFile !== undefined) {
    await setPasswordInFile(options.dynsecFile, found[0], operands, prompts)
    return exitCode.ok
  }
  return askBroker(call, module.topic, found, operands)
}

async function askBroker(
  { options, io, prompts }: Call,
  topic: string,
  [command, { syntax, given, lines }]: readonly [string, CtlCommand],
  operands: readonly string[],
): Promise<number> {
  const access = accessOf(options, io.env)
  warnOfEavesdroppers(access, options, prompts)
  const { username } = access
  const password = access.password ?? (username && (await prompts.password(`Password for ${escapeText(username)}: `)))
  const members = given === undefined ? readOperands(syntax, operands) : await given(operands, prompts)
  const session = { clientId: options.id ?? madeUpId(), cleanStart: !options.cleanSessionOff }
  const response = await ask({ ...access, ...session, password }, topic, { command, ...members })
  if (options.json) io.stdout.write(`${JSON.stringify(response)}\n`)
  const error = textOf(response, 'error')
  if (error !== undefined) throw new CommandRefused(command, escapeText(error))
  if (!options.json) for (const line of lines?.(dataOf(response)) ?? []) io.stdout.write(`${line}\n`)
  return exitCode.ok
}

/** 3.1 demands one, of 23 characters at most (3.1 §3.1). */
function madeUpId(): string {
  return `ctl-${randomBytes(8).toString('hex')}`
}

function dataOf(response: JsonObject): JsonObject {
  const data = member(response, 'data')
  return isObject(data) ? data : {}
}

function warnOfEavesdroppers({ target }: Access, { quiet }: CtlOptions, prompts: Prompts): void {
  if (quiet || 'path' in target || target.tls !== undefined || loopback.test(target.host)) return
  prompts.say('Warning: Without TLS everybody on the way can read what is sent, passwords too; see --cafile.')
}

const loopback = /^(localhost|127(\.\d+){3}|::1)$/
