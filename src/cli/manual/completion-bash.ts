// The completion script for bash, which zsh reads too. Pure.

import { type CompletionEntry, valueKind } from './completion-table.ts'

/** @returns a script to be read by bash, or by zsh after bashcompinit */
export function bashScript(entries: readonly CompletionEntry[]): string {
  const names = entries.map(({ command }) => command).filter(command => !command.includes(' '))
  return `# Completion of castellan, made by \`castellan completion\`.

# What can follow a command; fails for one that is not here.
_castellan_entry() {
  case $1 in
${entries.map(entryCase).join('')}  *) return 1 ;;
  esac
}
${engine}
complete -F _castellan ${names.join(' ')}
`
}

function entryCase({ command, words, options, operands }: CompletionEntry): string {
  const valued = options.filter(({ value }) => value !== undefined)
  const namesOf = (some: typeof options) => some.flatMap(({ names }) => names).join(' ')
  const ofKind = (kind: string) => namesOf(valued.filter(option => valueKind(option) === kind))
  const choices = valued
    .filter(({ choices }) => choices.length > 0)
    .flatMap(option => option.names.map(name => `${name}=${option.choices.join(',')}`))
  return `  ${quoted(command)})
    next=${quoted(words.map(({ word }) => word).join(' '))} flags=${quoted(namesOf(options))}
    valued=${quoted(namesOf(valued))} files=${quoted(ofKind('files'))} dirs=${quoted(ofKind('directories'))}
    choices=${quoted(choices.join(' '))} operands=${operands}
    ;;
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Follows the words on the line to the entry that they lead to, then offers what that has. */
const engine = `
_castellan_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  if [ "$1" = files ]; then COMPREPLY=($(compgen -f -- "$2")); else COMPREPLY=($(compgen -d -- "$2")); fi
}

_castellan_value() {
  local entry
  for entry in $choices; do
    if [ "\${entry%%=*}" = "$1" ]; then
      entry=\${entry#*=}
      COMPREPLY=($(compgen -W "\${entry//,/ }" -- "$2"))
      return
    fi
  done
  case " $files " in *" $1 "*) _castellan_paths files "$2" ;; esac
  case " $dirs " in *" $1 "*) _castellan_paths directories "$2" ;; esac
}

_castellan() {
  local cur=\${COMP_WORDS[COMP_CWORD]} key=\${COMP_WORDS[0]##*/} option= word= i=1
  local next= flags= valued= files= dirs= choices= operands=
  COMPREPLY=()
  _castellan_entry "$key" || return
  while [ $i -lt $COMP_CWORD ]; do
    word=\${COMP_WORDS[i]}
    i=$((i + 1))
    if [ -n "$option" ]; then option=; continue; fi
    case " $valued " in *" $word "*) option=$word; continue ;; esac
    case " $next " in *" $word "*) if _castellan_entry "$key $word"; then key="$key $word"; else next=; fi ;; esac
  done
  if [ -n "$option" ]; then
    _castellan_value "$option" "$cur"
  else
    case $cur in
      -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
      *)
        if [ -n "$next" ]; then COMPREPLY=($(compgen -W "$next" -- "$cur")); fi
        if [ $operands != unknown ]; then _castellan_paths $operands "$cur"; fi
        ;;
    esac
  fi
}
`
