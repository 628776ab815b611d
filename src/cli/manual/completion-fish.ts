// The completion script for fish. Pure.

import { type CompletionEntry, valueKind } from './completion-table.ts'
import type { HelpOption } from './help-options.ts'

/** @returns a script to be read by fish */
export function fishScript(entries: readonly CompletionEntry[]): string {
  return `# Completion of castellan, made by \`castellan completion fish\`.
${entries.map(entry => entryLines(entry, entries).join('\n')).join('\n')}
`
}

function entryLines(entry: CompletionEntry, entries: readonly CompletionEntry[]): string[] {
  const [program = '', ...typed] = entry.command.split(' ')
  const further = entries.filter(({ command }) => command.startsWith(`${entry.command} `))
  const following = new Set(further.map(({ command }) => command.split(' ')[typed.length + 1] ?? ''))
  const conditions = [
    ...typed.map(word => `__fish_seen_subcommand_from ${word}`),
    ...(following.size > 0 ? [`not __fish_seen_subcommand_from ${[...following].join(' ')}`] : []),
  ]
  const start = `complete -c ${program}${conditions.length > 0 ? ` -n ${quoted(conditions.join('; and '))}` : ''}`
  return [
    ...(entry.operands === 'unknown' ? [`${start} -f`] : []),
    ...entry.words.map(({ word, doc }) => `${start} -f -a ${word}${doc === '' ? '' : ` -d ${quoted(doc)}`}`),
    ...entry.options.map(option => `${start}${names(option)}${value(option)}${about(option)}`),
  ]
}

function names({ names }: HelpOption): string {
  return names.map(name => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`)).join('')
}

function value(option: HelpOption): string {
  if (option.value === undefined) return ''
  if (option.choices.length > 0) return ` -x -a ${quoted(option.choices.join(' '))}`
  switch (valueKind(option)) {
    case 'files':
      return ' -r -F'
    case 'directories':
      return " -x -a '(__fish_complete_directories)'"
    default:
      return ' -x'
  }
}

function about({ doc }: HelpOption): string {
  return doc === '' ? '' : ` -d ${quoted(doc)}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
