// `castellan ctl`, and `mosquitto_ctrl` under its old name: asks a running broker to do something, and prints what it answers.

import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { version } from '../../base/version.ts'
import { ConnectionLostError, ProxyError, RefusedError, TlsFailedError, UnreachableError } from '../../client/errors.ts'
import { exitCode } from '../exit-code.ts'
import { Interrupted } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { carryOut, findCommand } from './carry-out.ts'
import type { CtlModule } from './command.ts'
import { dynsecModule } from './dynsec.ts'
import { CommandRefused, CtlUsageError, oldCodes } from './error.ts'
import { ctlHelp } from './help.ts'
import { loginOf } from './login.ts'
import { modules } from './modules.ts'
import { initDynsec, type NewPassword, setPasswordInFile } from './offline.ts'
import type { CtlOptions } from './options.ts'
import { HiddenInput, Prompts } from './prompts.ts'
import { passwordElsewhere, readRequest } from './request.ts'

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
    if (isUnreachable(error)) return exitCode.unreachable
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
    return isUnreachable(error) ? unreachableOldCode : exitCode.failed
  },
}

/** There is no broker, none that we can speak with, or it went away. */
function isUnreachable(error: AppError): boolean {
  return [UnreachableError, TlsFailedError, ProxyError, ConnectionLostError].some(kind => error instanceof kind)
}

async function ctlAs(name: Name, args: readonly string[], io: Io): Promise<number> {
  const input = new HiddenInput(io)
  let isQuiet = args.includes('--quiet')
  try {
    const { options, typed, words } = readRequest(args, io.env)
    isQuiet = options.quiet === true
    return await perform({ name, options, typed, io, prompts: new Prompts(input) }, words)
  } catch (error) {
    if (error instanceof Interrupted) return exitCode.interrupted
    if (!(error instanceof AppError)) throw error
    if (!isQuiet) io.stderr.write(`${error.message}\n`)
    return name.codeOf(error)
  } finally {
    await input.close()
  }
}

interface Call {
  readonly name: Name
  readonly options: CtlOptions
  /** Without the options file. */
  readonly typed: CtlOptions
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
  if (moduleName === undefined) return shell(call)
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
  if (commandName.startsWith('-')) {
    const text = `Error: '${escapeText(commandName, 64)}' stands where the command should be; options go in front of '${moduleName}'.`
    throw new CtlUsageError(text, oldCodes.command)
  }
  await performCommand(call, module, commandName, operands)
  return exitCode.ok
}

/** Loaded when it is asked for: scripts need none of it. */
async function shell({ name, options, io }: Call): Promise<number> {
  if (options.dynsecFile !== undefined) throw new CtlUsageError(fileIsForPasswords)
  const { runShell } = await import('./shell.ts')
  const outcome = await runShell(name.calledAs, options, io)
  if (outcome === 'nothing was asked') {
    const text = 'Error: A module is missing, and there was no command on standard input.'
    io.stderr.write(`${text}\n\n${ctlHelp(name.calledAs)}`)
    return name.usageCode
  }
  return outcome === undefined ? exitCode.ok : name.codeOf(outcome)
}

async function performCommand(
  { options, typed, io, prompts }: Call,
  module: CtlModule,
  word: string,
  operands: readonly string[],
): Promise<void> {
  if (module === dynsecModule && word.toLowerCase() === 'init') {
    if (options.dynsecFile !== undefined) throw new CtlUsageError(fileIsForPasswords)
    io.stdout.write(await initDynsec(operands, newPassword(typed, io, prompts)))
    return
  }
  const command = findCommand(module.commands, word)
  if (options.dynsecFile !== undefined) {
    return setPasswordInFile(options.dynsecFile, command[0], operands, newPassword(typed, io, prompts))
  }
  const login = await loginOf(options, io.env, prompts)
  const printing = { stdout: io.stdout, json: options.json === true }
  await carryOut(login, module.topic, command, operands, prompts, printing)
}

const fileIsForPasswords = 'Error: -f is for setClientPassword alone.'

/** Nobody logs in to a file: what our own options give is the password to be set. As with Mosquitto `-P` is for a login alone. */
function newPassword(typed: CtlOptions, { env }: Io, prompts: Prompts): NewPassword {
  return {
    typed: passwordElsewhere(typed, env),
    ask: name => prompts.newPassword(name),
  }
}
