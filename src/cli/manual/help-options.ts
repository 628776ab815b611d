// Reads a help page: its usage, and its options with what they take. Pure.

export interface HelpOption {
  /** `-c`, `--config-file`: the same option under each of its names. */
  readonly names: readonly string[]
  /** What follows it, as the page has it: `FILE`, `json|table`; undefined for a flag. */
  readonly value: string | undefined
  /** Words that the value can be; empty where it can be anything. */
  readonly choices: readonly string[]
  /** What it does, in one line; empty where only the usage names it. */
  readonly doc: string
}

export interface UsageLine {
  /** `castellan ca init DIR` */
  readonly form: string
  /** What it does; empty where nothing is said. */
  readonly doc: string
}

/** @returns every option that the page has a line for, then those that only its usage names */
export function optionsOf(page: string): readonly HelpOption[] {
  const lines = page.split('\n')
  const told = sameJoined(lines.flatMap((line, index) => optionLine(line, continuation(lines, index))))
  const known = new Set(told.flatMap(({ names }) => names))
  const inUsage = usageOf(page).flatMap(({ form }) => usageOptions(form))
  for (const option of inUsage) {
    if (option.names.some(name => known.has(name))) continue
    told.push(option)
    for (const name of option.names) known.add(name)
  }
  return told
}

/** The lines of the block that begins with `Usage:`; one that goes on below is put together. */
export function usageOf(page: string): readonly UsageLine[] {
  const lines = page.split('\n')
  const start = lines.findIndex(line => line.startsWith(usageMark))
  if (start === -1) return []
  const end = lines.findIndex((line, index) => index > start && !line.startsWith(' '))
  const block = lines.slice(start, end === -1 ? undefined : end).map(line => line.replace(usageMark, ' '.repeat(7)))
  const usage: { form: string; doc: string }[] = []
  for (const line of block) {
    const indent = /^ */.exec(line)?.[0].length ?? 0
    const last = usage.at(-1)
    if (indent > usageMark.length + 1 && last !== undefined) {
      last.doc = `${last.doc} ${line.trim()}`
      continue
    }
    const [, form = '', doc = ''] = /^\s*(.*?)(?: {2,}(.*))?$/.exec(line) ?? []
    usage.push({ form, doc })
  }
  return usage
}

const usageMark = 'Usage: '

/** Whether a line begins an option, as `  -c, --config-file FILE  the configuration` does. */
export function isOptionLine(line: string): boolean {
  return /^ {2,8}--?[A-Za-z]/.test(line)
}

/** An option's names and values, and what is said behind them; undefined for any other line. */
export function splitOptionLine(line: string): { readonly head: string; readonly doc: string } | undefined {
  if (!isOptionLine(line)) return undefined
  const [, head = '', doc = ''] = /^ +(-.*?)(?: {2,}(\S.*))?$/.exec(line) ?? []
  return { head, doc }
}

/** What stands below an option, further to the right. */
export function continuation(lines: readonly string[], index: number): readonly string[] {
  const below: string[] = []
  for (const line of lines.slice(index + 1)) {
    if (!/^ {9,}\S/.test(line)) break
    below.push(line.trim())
  }
  return below
}

function optionLine(line: string, below: readonly string[]): HelpOption[] {
  const split = splitOptionLine(line)
  if (split === undefined) return []
  const doc = [split.doc, ...below].filter(part => part !== '').join(' ')
  return aliased(split.head.split(/,? (?=-)/).flatMap(item => optionItem(item, doc)))
}

/** `-H argon2id` and `-H sha512` have a line each, and are one option. */
function sameJoined(options: readonly HelpOption[]): HelpOption[] {
  const joined = new Map<string, HelpOption>()
  for (const option of options) {
    const key = option.names.join(' ')
    const known = joined.get(key)
    if (known === undefined) joined.set(key, option)
    else joined.set(key, { ...known, choices: [...new Set([...known.choices, ...option.choices])] })
  }
  return [...joined.values()]
}

function optionItem(item: string, doc: string): HelpOption[] {
  const [, name, value] = /^(--?[A-Za-z][\w-]*)(?:[ =](.+))?$/.exec(item) ?? []
  return name === undefined ? [] : [{ names: [name], value, choices: choicesOf(value, doc), doc }]
}

/** `-c, --config-file FILE` is one option with two names, `--will, --retain` are two. */
function aliased(items: readonly HelpOption[]): HelpOption[] {
  const merged: HelpOption[] = []
  for (const item of items) {
    const last = merged.at(-1)
    const isLong = item.names[0]?.startsWith('--')
    if (last?.value === undefined && last?.names.length === 1 && !last.names[0]?.startsWith('--') && isLong) {
      merged[merged.length - 1] = { ...item, names: [...last.names, ...item.names] }
    } else merged.push(item)
  }
  return merged
}

function usageOptions(form: string): HelpOption[] {
  const named = /(?<=[\s[|])(--?[A-Za-z][\w-]*)(?: ([A-Z][A-Z.:]*|[a-z0-9.]+(?:\|[a-z0-9.]+)*))?(?=[\]\s]|$)/g
  return [...form.matchAll(named)].map(([, name = '', value]) => ({
    names: [name],
    value,
    choices: choicesOf(value, ''),
    doc: '',
  }))
}

const word = /^[A-Za-z0-9][\w.-]*$/

/** Small words are themselves what can be given, else the list that an explanation begins with: `ec-p256 (default), ed25519`. */
function choicesOf(value: string | undefined, doc: string): readonly string[] {
  if (value === undefined) return []
  if (/^[a-z][a-z0-9.-]*$|^[a-z0-9.-]+(\|[a-z0-9.-]+)+$/.test(value)) return value.split('|')
  if (!/^[A-Z]+$/.test(value)) return []
  const [list = ''] = doc.split(';')
  const items = list.split(', ').map(item => item.replace(/ \([^)]*\)$/, ''))
  const end = items.findIndex(item => !word.test(item))
  const words = end === -1 ? items : items.slice(0, end)
  return words.length > 1 ? words : []
}
