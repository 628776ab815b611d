// What `castellan acl` is asked, from words that somebody typed or wrote into a table.

import { type AccessQuestion, accessActions, questionFault } from '../../auth/explanation.ts'
import type { DirectoryAction, RightsHolder } from '../../auth/user-directory.ts'
import { escapeText } from '../../base/escape.ts'
import { UsageError } from '../command.ts'
import { type AskedCircumstances, type CircumstanceWords, readCircumstances } from './circumstances.ts'

/** A client by its user name, `-` for one without a name, and what it wants to do. */
export interface ClientQuestion {
  readonly username: string | undefined
  readonly clientId: string
  readonly question: AccessQuestion
  readonly circumstances: AskedCircumstances
}

export interface QuestionWords extends CircumstanceWords {
  readonly client: string
  readonly action: string
  readonly topic: string
  /** The same as the client's name unless given. */
  readonly id?: string | undefined
  readonly will?: boolean | undefined
  readonly retain?: boolean | undefined
}

/** As ACL files call them. */
const otherNames: Readonly<Record<string, DirectoryAction>> = { write: 'publish', read: 'receive' }

/**
 * @throws UsageError for what nobody can ask
 * @throws AppError for a certificate that cannot be read, or the operating system's error
 */
export function readQuestion(words: QuestionWords): ClientQuestion {
  const { client, action: word, topic, id, will, retain } = words
  const action = accessActions.find(known => known === word) ?? otherNames[word]
  if (action === undefined) {
    throw new UsageError(`unknown action '${escapeText(word, 64)}'; actions are ${accessActions.join(', ')}`)
  }
  const isWill = will === true
  if (isWill && action !== 'publish') throw new UsageError(`a will is published, '${action}' has none`)
  const question = { action, topic, isWill, isRetained: retain === true }
  const fault = questionFault(question)
  if (fault !== undefined) throw new UsageError(fault)
  const circumstances = readCircumstances(words, question)
  return { username: client === '-' ? undefined : client, clientId: id ?? client, question, circumstances }
}

/** Somebody of this name who was given nothing with the proof of it. */
export function holderNamed(username: string | undefined): RightsHolder {
  return { username, roles: [], groups: [] }
}
