// What can follow what on a command line, read from the help pages: the one table that the scripts for every shell are made from.

import { oldNames } from '../compat.ts'
import { type Verb, verbs } from '../verbs.ts'
import { type HelpOption, optionsOf, usageOf } from './help-options.ts'
import { type HelpPage, oldNamePage, pagesOf, toolNames } from './help-pages.ts'

export interface CompletionEntry {
  /** What was typed, without options: `castellan`, `castellan ca init`, `mosquitto_passwd`. */
  readonly command: string
  /** Words that can follow, with what they do where that is one line. */
  readonly words: readonly CompletionWord[]
  readonly options: readonly HelpOption[]
  readonly operands: OperandKind
}

export interface CompletionWord {
  readonly word: string
  readonly doc: string
}

/** What else can follow: names of files, of directories only, or something of which a shell knows nothing. */
export type OperandKind = 'files' | 'directories' | 'unknown'

/** Every command that there is, the program itself first. */
export async function completionTable(): Promise<readonly CompletionEntry[]> {
  const entries: CompletionEntry[] = [programEntry(), helpEntry()]
  for (const verb of verbs) entries.push(...(await verbEntries(verb)))
  for (const name of toolNames) entries.push(entryOf(await oldNamePage(name), []))
  return entries
}

/** What an option's value is. */
export function valueKind({ value }: HelpOption): OperandKind {
  return kindOf(value ?? '')
}

const asksForHelp: HelpOption = { names: ['--help'], value: undefined, choices: [], doc: 'all about it' }
const verbWords = verbs.map(({ name, summary }) => ({ word: name, doc: summary }))

function programEntry(): CompletionEntry {
  const words = [...verbWords, { word: 'help', doc: 'all about a verb' }, { word: 'version', doc: 'the version' }]
  const showsVersion: HelpOption = { names: ['--version'], value: undefined, choices: [], doc: 'the version' }
  return { command: 'castellan', words, options: [asksForHelp, showsVersion], operands: 'unknown' }
}

function helpEntry(): CompletionEntry {
  return { command: 'castellan help', words: verbWords, options: [], operands: 'unknown' }
}

async function verbEntries(verb: Verb): Promise<readonly CompletionEntry[]> {
  const [own, ...pages] = await pagesOf(verb)
  if (own === undefined) return []
  const actions = (verb.actions ?? []).map(name => {
    const command = `${own.command} ${name}`
    const page = pages.find(known => known.command === command)
    return page === undefined ? entryOf({ command, text: own.text }, []) : entryOf(page, commandsOf(page))
  })
  const words = [...(verb.actions ?? []), ...(furtherWords[verb.name] ?? [])].map(word => ({ word, doc: '' }))
  return [entryOf(own, words), ...actions]
}

/** What follows a verb and is no action of it. */
const furtherWords: Readonly<Record<string, readonly string[]>> = {
  compat: [...oldNames.keys()],
  man: [...verbs.map(({ name }) => name), ...toolNames],
}

function entryOf({ command, text }: HelpPage, words: readonly CompletionWord[]): CompletionEntry {
  const options = optionsOf(text)
  const hasHelp = options.some(({ names }) => names.includes('--help'))
  const operands = words.length > 0 ? 'unknown' : operandsOf(command, text)
  return { command, words, options: hasHelp ? options : [...options, asksForHelp], operands }
}

/** Of the forms that begin as the command does, where there are any. */
function operandsOf(command: string, text: string): OperandKind {
  const forms = usageOf(text).map(({ form }) => form)
  const own = forms.filter(form => `${form} `.startsWith(`${command} `))
  const words = (own.length > 0 ? own : forms).join(' ').replaceAll(/--?[A-Za-z][\w-]*( [A-Z]\S*)?/g, '')
  return kindOf(words)
}

function kindOf(words: string): OperandKind {
  if (/\b(FILE|REQUEST|PATH)\b/.test(words)) return 'files'
  return /\b(DIR|DIRECTORY|COPY)\b/.test(words) ? 'directories' : 'unknown'
}

/** `  deleteClient | getClient USER    …`: the commands of a module of `castellan ctl`. */
function commandsOf({ command, text }: HelpPage): readonly CompletionWord[] {
  if (!command.startsWith('castellan ctl ')) return []
  const lines = text.split('\n').filter(line => /^ {2}[a-z]\w*[A-Z]|^ {2}init /.test(line))
  const words = lines.flatMap(line => /^ {2}(\w+(?: \| \w+)*)/.exec(line)?.[1]?.split(' | ') ?? [])
  return [...new Set(words)].map(word => ({ word, doc: '' }))
}
