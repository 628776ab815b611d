// What a verb that is a client has of `castellan ctl`: its options for where the broker is and who asks, among options of its own,
// and its question for a password.

import { CtlUsageError } from './ctl/error.ts'
import { type CtlOptions, readOption } from './ctl/options.ts'
import { HiddenInput } from './ctl/prompts.ts'
import type { Io } from './verbs.ts'

/** An option of the verb's own. */
export interface OwnOption {
  /** What has to follow it; undefined for a flag. */
  readonly takes?: string
  /** @throws CtlUsageError for a value that is none */
  read(value: string): void
}

/** Those of ctl that only ctl has a use for. */
const onlyCtls: readonly (keyof CtlOptions)[] = ['dynsecFile', 'optionsFile', 'json', 'cleanSessionOff', 'quiet']

/**
 * @param own by name; goes before an option of ctl that has the same
 * @returns what says where and who; one word that is no option is the broker's URL
 * @throws CtlUsageError
 */
export function readConnectionArguments(args: readonly string[], own: Readonly<Record<string, OwnOption>>): CtlOptions {
  const options: CtlOptions = {}
  for (let index = 0; index < args.length; index++) {
    const name = args[index] as string
    const following = args[index + 1]
    const option = Object.hasOwn(own, name) ? own[name] : undefined
    if (!name.startsWith('-')) takeUrl(name, options)
    else if (option === undefined) index += readOption(name, () => following, options) ? 1 : 0
    else if (option.takes === undefined) option.read('')
    else if (following === undefined) throw new CtlUsageError(`Error: ${name} needs ${option.takes} behind it.`)
    else {
      option.read(following)
      index += 1
    }
  }
  const away = onlyCtls.find(key => options[key] !== undefined)
  if (away !== undefined)
    throw new CtlUsageError('Error: -c, -f, -o FILE and --quiet are options of castellan ctl alone.')
  return options
}

/** Not quoted: a password may be in it. */
function takeUrl(word: string, options: CtlOptions): void {
  if (options.url !== undefined)
    throw new CtlUsageError('Error: There is one broker too many; one URL is all it takes.')
  options.url = word
}

/**
 * Where a password is asked for by a command that reads on afterwards: standard input as it is, but what lets go of it does not
 * close it.
 */
export function lastingInput({ stdin, stdout, stderr, env }: Io): HiddenInput {
  const lasting = {
    isTTY: stdin.isTTY,
    setRawMode: (raw: boolean) => stdin.setRawMode(raw),
    [Symbol.asyncIterator]: () => stdin.iterator({ destroyOnReturn: false }),
  }
  return new HiddenInput({ stdin: lasting as unknown as Io['stdin'], stdout, stderr, env })
}
