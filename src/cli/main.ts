// The program's first step: which command is meant, by verb or by the name it was called under; then that command alone is
// loaded and run.

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { version } from '../base/version.ts'
import { exitCode } from './exit-code.ts'
import { type Io, verbs } from './verbs.ts'

/**
 * @param calledAs the base name of the file that was started: `castellan`, or an old tool's name
 * @param args what follows it on the command line
 * @returns the exit code
 */
export async function main(calledAs: string, args: readonly string[], io: Io): Promise<number> {
  try {
    if (calledAs !== 'castellan') {
      const { oldNames, runUnderOldName } = await import('./compat.ts')
      if (oldNames.has(calledAs)) return await runUnderOldName(calledAs, args, io)
    }
    return await runVerb(args, io)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return complain(io, error.message, exitCode.failed)
  }
}

async function runVerb(args: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = args
  const verb = verbs.find(({ name }) => name === word)
  const trap = await pasted(verb === undefined ? args.slice(0, 1) : rest, verb?.takesSecrets ?? false)
  if (trap !== undefined) return complain(io, trap, exitCode.usage)
  if (verb !== undefined) return (await verb.load())(rest, io)
  switch (word) {
    case undefined:
      io.stderr.write(await firstPage(io.stderr))
      return exitCode.usage
    case 'help':
      return help(rest, io)
    case '--help':
    case '-h':
      return help([], io)
    case '--version':
    case '-v':
    case 'version':
      io.stdout.write(`castellan version ${version()}\n`)
      return exitCode.ok
    default:
      return complain(io, await unknownVerb(word), exitCode.usage)
  }
}

/** `castellan help`, `castellan help VERB`: the same page as `castellan VERB --help`. */
async function help(args: readonly string[], io: Io): Promise<number> {
  const [word] = args
  if (word === undefined) {
    io.stdout.write(await firstPage(io.stdout))
    return exitCode.ok
  }
  const verb = verbs.find(({ name }) => name === word)
  if (verb === undefined) return complain(io, await unknownVerb(word), exitCode.usage)
  return (await verb.load())(['--help'], io)
}

async function firstPage(stream: Io['stdout'] | Io['stderr']): Promise<string> {
  const { helpPage } = await import('./help.ts')
  return helpPage(version(), stream)
}

async function pasted(args: readonly string[], takesSecrets: boolean): Promise<string | undefined> {
  const { pasteTrap } = await import('./paste-traps.ts')
  return pasteTrap(args, takesSecrets)
}

async function unknownVerb(word: string): Promise<string> {
  const { nearestName } = await import('../config/nearest-name.ts')
  const names = verbs.map(({ name }) => name)
  const meant = nearestName(word, names)
  const right = meant === undefined ? `verbs are ${names.join(', ')}` : `did you mean '${meant}'`
  return `unknown verb '${escapeText(word, 64)}'; ${right}; castellan --help shows them all`
}

function complain(io: Io, message: string, code: number): number {
  io.stderr.write(`castellan: ${message}\n`)
  return code
}
