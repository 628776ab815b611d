// One client's rights where users and rights change while the broker runs: looked up again after each change, and never
// more than once.

import type { Log } from '../base/log.ts'
import { createAccess, type ExplainedAccess, isBrokersOwn } from './access.ts'
import type { AclRules } from './acl-rules.ts'
import { CertificateValues } from './certificate-variables.ts'
import { byDefault, type Source, type SpeakingRule } from './explanation.ts'
import type { Permitted } from './principal.ts'
import type {
  DirectoryAction,
  DirectoryUser,
  Rights,
  RightsHolder,
  RightsSubject,
  UserDirectory,
} from './user-directory.ts'

/** What decides about topics on one listener. */
export interface AccessSources {
  /** undefined without `acl_file`: everything is allowed (features F6), but with a directory nothing. */
  readonly acl: AclRules | undefined
  /** Dynamic security, where the listener has it: about whom it knows, it alone decides. */
  readonly directory?: UserDirectory | undefined
  readonly log: Log
}

/** One client's rights by all that a listener has: the one engine, for the broker and for whoever asks why. */
export function accessBy(
  { acl, directory, log }: AccessSources,
  holder: RightsHolder,
  clientId: string,
): ExplainedAccess {
  if (directory === undefined) return createAccess(acl, holder, clientId, log)
  const otherwise = acl === undefined ? noAccess : createAccess(acl, holder, clientId, log)
  return createDirectoryAccess(directory, holder, clientId, otherwise)
}

/** @param otherwise what a user may do whom the directory does not know */
export function createDirectoryAccess(
  directory: UserDirectory,
  holder: RightsHolder,
  clientId: string,
  otherwise: ExplainedAccess,
): ExplainedAccess {
  return new DirectoryAccess(directory, holder, clientId, otherwise)
}

/** Nothing at all. */
export const noAccess: ExplainedAccess = {
  publish: () => undefined,
  receive: () => false,
  subscribe: () => false,
  unsubscribe: () => false,
  consult: () => [
    byDefault(false, 'dynamic security does not know the client, and there is no acl_file: nothing is allowed'),
  ],
}

/** Whether the directory lets a user of this name in with this client id; whom it does not know is not its matter. */
export function directoryAdmits(directory: UserDirectory, username: string | undefined, clientId: string): boolean {
  const user = username === undefined ? undefined : directory.user(username)
  return user === undefined || !(user.isDisabled || isBoundElsewhere(user, clientId))
}

function isBoundElsewhere({ clientId: only }: DirectoryUser, clientId: string): boolean {
  return only !== undefined && only !== clientId
}

/** Why the directory keeps a user out. */
function exclusions(user: DirectoryUser, username: string, clientId: string): readonly SpeakingRule[] {
  const texts = []
  if (user.isDisabled) texts.push(`the client '${username}' is disabled`)
  if (isBoundElsewhere(user, clientId)) {
    texts.push(`the client '${username}' has to have the client id '${user.clientId}'`)
  }
  return texts.map(text => ({ allows: false, text, details: { username } }))
}

class DirectoryAccess implements ExplainedAccess {
  readonly #directory: UserDirectory
  readonly #holder: RightsHolder
  readonly #clientId: string
  readonly #otherwise: ExplainedAccess
  readonly #subject: RightsSubject
  #version = -1
  /** undefined: `#otherwise` decides. */
  #rights: Pick<Rights, 'allows' | 'roles'> | undefined = undefined

  constructor(directory: UserDirectory, holder: RightsHolder, clientId: string, otherwise: ExplainedAccess) {
    const { username, certificate } = holder
    this.#directory = directory
    this.#holder = holder
    this.#clientId = clientId
    this.#otherwise = otherwise
    // No name may reach levels, or stand for more of them, than whoever wrote `%c` had in mind.
    this.#subject = {
      denied: {
        clientId,
        username,
        certificate: certificate && new CertificateValues(certificate.identity, () => true),
      },
      granted: {
        clientId: harmless(clientId),
        username: harmless(username),
        certificate: certificate && new CertificateValues(certificate.identity, isHarmless),
      },
    }
  }

  publish<T extends { readonly topicName: string }>(message: T): Permitted<T> | undefined {
    if (isBrokersOwn(message.topicName)) return undefined
    const rights = this.#current()
    if (rights === undefined) return this.#otherwise.publish(message)
    return rights.allows('publish', message.topicName, this.#subject) ? (message as Permitted<T>) : undefined
  }

  receive(topicName: string): boolean {
    return this.#allows('receive', topicName)
  }

  subscribe(fullFilter: string): boolean {
    return this.#allows('subscribe', fullFilter)
  }

  unsubscribe(fullFilter: string): boolean {
    return this.#allows('unsubscribe', fullFilter)
  }

  get roles(): readonly string[] {
    return this.#current()?.roles ?? none
  }

  consult(action: DirectoryAction, topic: string): readonly Source[] {
    const { username } = this.#holder
    const user = username === undefined ? undefined : this.#directory.user(username)
    const excluded = user === undefined ? [] : exclusions(user, username ?? '', this.#clientId)
    const rights = this.#directory.rights(this.#holder)
    if (rights === undefined) {
      const notes = user === undefined ? [`it does not know a client '${username}'`] : []
      const own: Source = { name: 'dynamic security', looked: 0, rules: excluded, notes }
      return [own, ...this.#otherwise.consult(action, topic)]
    }
    const [own, rest] = rights.consult(action, topic, this.#subject)
    const between = this.#otherwise === noAccess ? [] : [notAsked]
    return [{ ...own, rules: [...excluded, ...own.rules] }, ...between, rest]
  }

  #allows(action: Exclude<DirectoryAction, 'publish'>, topic: string): boolean {
    const rights = this.#current()
    return rights === undefined ? this.#otherwise[action](topic) : rights.allows(action, topic, this.#subject)
  }

  #current(): Pick<Rights, 'allows' | 'roles'> | undefined {
    const { version } = this.#directory
    if (version !== this.#version) {
      this.#version = version
      const isAdmitted = directoryAdmits(this.#directory, this.#holder.username, this.#clientId)
      this.#rights = isAdmitted ? this.#directory.rights(this.#holder) : nothing
    }
    return this.#rights
  }
}

const none: readonly string[] = []
const nothing: Pick<Rights, 'allows' | 'roles'> = { allows: () => false }

const notAsked: Source = {
  name: 'acl_file',
  looked: 0,
  rules: [],
  notes: ['it is not asked: about its own clients dynamic security alone decides'],
}

function harmless(name: string | undefined): string | undefined {
  return name !== undefined && isHarmless(name) ? name : undefined
}

function isHarmless(name: string): boolean {
  return name !== '' && !/[/+#]/.test(name)
}
