// A line of the shell of `castellan ctl`: the words of it, and those that 2.1's shell takes in another order than its command
// line, put into the order of the latter.

import { CtlUsageError } from './error.ts'

/**
 * Words stand between blanks; a word with blanks stands in quotes of either kind, which hold no quote of that kind.
 *
 * @throws CtlUsageError for a quote that is not closed
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const [text, double, single, plain] of line.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)|\s+|["']/g)) {
    const part = double ?? single ?? plain
    if (part !== undefined) word = (word ?? '') + part
    else if (text === '"' || text === "'") throw new CtlUsageError(`Error: A ${text} is not closed.`)
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  return word === undefined ? words : [...words, word]
}

/** Whether a password may stand in a line, so that it is not kept for the arrow keys. */
export function mayHoldSecret(line: string): boolean {
  return /\b(createClient|setClientPassword)\s+\S+\s+\S|:\/\/\S*@/i.test(line)
}

/** What a command takes in the shell, where that is not what it takes on the command line. */
export const shellSyntax: Readonly<Record<string, string>> = {
  addRoleACL: 'rolename acltype access priority? topic',
  createClient: 'username password? clientid?',
}

/**
 * What is typed in the shell as it would be typed on the command line, whose own order is taken too.
 *
 * @param command as it is documented
 */
export function commandLineWords(command: string, words: readonly string[]): readonly string[] {
  switch (command) {
    case 'addRoleACL':
      return aclWords(words)
    case 'createClient':
      return clientWords(words)
    case 'modifyClient':
    case 'modifyGroup':
    case 'modifyRole':
      return withRest(words, 2)
    case 'disconnectClient':
      return withRest(words, 1)
    default:
      return words
  }
}

/** ROLE TYPE allow|deny [PRIORITY] TOPIC: the topic is the last there, and the third on the command line. */
function aclWords(words: readonly string[]): readonly string[] {
  const [role = '', type = '', access = '', ...rest] = words
  const topic = rest.at(-1)
  if (topic === undefined || rest.length > 2 || !/^(allow|deny)$/i.test(access)) return words
  return [role, type, topic, access, ...rest.slice(0, -1)]
}

/** USER [PASSWORD [CLIENTID]] */
function clientWords([username, password, clientId, ...rest]: readonly string[]): readonly string[] {
  const given = [username, password, clientId, ...rest].filter(word => word !== undefined)
  if (username === undefined || password === undefined || /^-[cip]$/.test(password)) return given
  return [username, '-p', password, ...(clientId === undefined ? [] : ['-c', clientId]), ...rest]
}

/** The last of the words is the rest of the line: texts have blanks in them. */
function withRest(words: readonly string[], before: number): readonly string[] {
  return words.length <= before ? words : [...words.slice(0, before), words.slice(before).join(' ')]
}
