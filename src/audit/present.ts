// Makes what others have sent fit to be kept: secrets masked, texts, lists and depth bounded, and as JSON that steers no terminal.

/** Names of members whose values nobody may see, wherever they stand; the path of a file with secrets is none. */
const secretName = /(?:passw|passphrase|secret|token|credential|private|salt|hash|^key$|^proof$)(?!.*_file$)/i

/** What stands for a secret. */
export const masked = '*****'

const longestText = 1024
const longestName = 128
const mostMembers = 64
const mostEntries = 100
const deepest = 8
/** Values of one event: what is beyond is counted, see `Budget`. */
const mostValues = 400

/**
 * The JSON of an event's facts.
 *
 * @param value of plain objects, lists, texts, numbers and booleans
 */
export function presentJson(value: unknown): string {
  return safeJson(present(value, { left: mostValues }, 0))
}

/**
 * JSON in which every character that is invisible, or steers a terminal, is written as `\uHHHH`: it means the same.
 *
 * @param indent blanks for each depth, over several lines; on one line without it
 */
export function safeJson(value: unknown, indent?: number): string {
  return safeJsonText(JSON.stringify(value, undefined, indent))
}

/** The same for what is JSON already. */
export function safeJsonText(json: string): string {
  return json.replace(unsafe, character =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

/** JSON escapes the first 32 characters and lone surrogates by itself. */
const unsafe = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu

interface Budget {
  left: number
}

function present(value: unknown, budget: Budget, depth: number): unknown {
  budget.left--
  if (typeof value === 'string') return cut(value, longestText)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest || budget.left <= 0) return '…'
  return Array.isArray(value) ? presentList(value, budget, depth) : presentObject(value, budget, depth)
}

function presentList(list: readonly unknown[], budget: Budget, depth: number): readonly unknown[] {
  const shown: unknown[] = []
  for (const entry of list) {
    if (shown.length >= mostEntries || budget.left <= 0) break
    shown.push(present(entry, budget, depth + 1))
  }
  if (shown.length < list.length) shown.push(`… ${list.length - shown.length} more`)
  return shown
}

function presentObject(object: object, budget: Budget, depth: number): unknown {
  const members = Object.entries(object).filter(([, member]) => member !== undefined)
  const shown: [string, unknown][] = []
  for (const [name, member] of members) {
    if (shown.length >= mostMembers || budget.left <= 0) break
    const isSecret = secretName.test(name) && member !== null
    shown.push([cut(name, longestName), isSecret ? masked : present(member, budget, depth + 1)])
  }
  if (shown.length < members.length) shown.push(['…', `${members.length - shown.length} more`])
  return Object.fromEntries(shown)
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
