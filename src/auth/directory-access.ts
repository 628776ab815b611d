// One client's rights where users and rights change while the broker runs: looked up again after each change, and never
// more than once.

import { isBrokersOwn } from './access.ts'
import type { Permitted, Principal } from './principal.ts'
import type { Access } from './realm.ts'
import type { DirectoryAction, Rights, RightsHolder, RightsSubject, UserDirectory } from './user-directory.ts'

/** @param otherwise what a user may do whom the directory does not know */
export function createDirectoryAccess(
  directory: UserDirectory,
  principal: Principal,
  clientId: string,
  otherwise: Access,
): Access {
  return new DirectoryAccess(directory, principal, clientId, otherwise)
}

/** Nothing at all. */
export const noAccess: Access = {
  publish: () => undefined,
  receive: () => false,
  subscribe: () => false,
  unsubscribe: () => false,
}

/** Whether the directory lets a user of this name in with this client id; whom it does not know is not its matter. */
export function directoryAdmits(directory: UserDirectory, username: string | undefined, clientId: string): boolean {
  const user = username === undefined ? undefined : directory.user(username)
  if (user === undefined) return true
  return !user.isDisabled && (user.clientId === undefined || user.clientId === clientId)
}

class DirectoryAccess implements Access {
  readonly #directory: UserDirectory
  readonly #holder: RightsHolder
  readonly #clientId: string
  readonly #otherwise: Access
  readonly #subject: RightsSubject
  #version = -1
  /** undefined: `#otherwise` decides. */
  #rights: Rights | undefined = undefined

  constructor(directory: UserDirectory, holder: RightsHolder, clientId: string, otherwise: Access) {
    const { username } = holder
    this.#directory = directory
    this.#holder = holder
    this.#clientId = clientId
    this.#otherwise = otherwise
    // No name may reach levels, or stand for more of them, than whoever wrote `%c` had in mind.
    this.#subject = {
      denied: { clientId, username },
      granted: { clientId: harmless(clientId), username: harmless(username) },
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

  #allows(action: Exclude<DirectoryAction, 'publish'>, topic: string): boolean {
    const rights = this.#current()
    return rights === undefined ? this.#otherwise[action](topic) : rights.allows(action, topic, this.#subject)
  }

  #current(): Rights | undefined {
    const { version } = this.#directory
    if (version !== this.#version) {
      this.#version = version
      const isAdmitted = directoryAdmits(this.#directory, this.#holder.username, this.#clientId)
      this.#rights = isAdmitted ? this.#directory.rights(this.#holder) : nothing
    }
    return this.#rights
  }
}

const nothing: Rights = { allows: () => false }

function harmless(name: string | undefined): string | undefined {
  return name === undefined || name === '' || /[/+#]/.test(name) ? undefined : name
}
