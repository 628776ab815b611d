// `castellan completion`: what a shell offers behind Tab, made from the help of the commands.

import { escapeText } from '../../base/escape.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { bashScript } from './completion-bash.ts'
import { fishScript } from './completion-fish.ts'
import { type CompletionEntry, completionTable } from './completion-table.ts'

const help = `Usage: castellan completion bash|zsh|fish

Prints a script for the shell that completes verbs, actions, options, what options can be, and names of files; under the names of
Mosquitto's tools too.

  bash  eval "$(castellan completion bash)" in ~/.bashrc, or into /etc/bash_completion.d/castellan
  zsh   eval "$(castellan completion zsh)" in ~/.zshrc
  fish  castellan completion fish > ~/.config/fish/completions/castellan.fish

Exit codes: 0 done, 2 wrong usage.

Example: castellan completion bash > /etc/bash_completion.d/castellan
`

/** @returns the script */
type Shell = (entries: readonly CompletionEntry[]) => string

const shells: ReadonlyMap<string, Shell> = new Map<string, Shell>([
  ['bash', bashScript],
  // It reads bash's scripts, and its own system has to be there for that.
  [
    'zsh',
    entries =>
      `autoload -U +X compinit && compinit -i\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(entries)}`,
  ],
  ['fish', fishScript],
])

/** `castellan completion SHELL`. @returns the exit code */
export async function completion(args: readonly string[], io: Io): Promise<number> {
  const [name, ...more] = args
  if (name === '--help' || name === '-h') {
    io.stdout.write(help)
    return exitCode.ok
  }
  const script = name === undefined ? undefined : shells.get(name)
  if (script === undefined || more.length > 0) {
    const what = name === undefined ? 'a shell is missing' : `unknown shell '${escapeText(name, 64)}'`
    const wrong = more.length > 0 ? 'one shell is all it takes' : what
    io.stderr.write(`castellan completion: ${wrong}; shells are ${[...shells.keys()].join(', ')}\n\n${help}`)
    return exitCode.usage
  }
  io.stdout.write(script(await completionTable()))
  return exitCode.ok
}
