// How the rules of each listener decide, and why: for `$CONTROL/broker/v1`, and for `castellan acl`, which reads the files without a
// broker.

import { explainAccess } from '../auth/access.ts'
import type { AclRules } from '../auth/acl-rules.ts'
import { accessBy } from '../auth/directory-access.ts'
import type { AccessQuestion, Explanation } from '../auth/explanation.ts'
import type { Candidate } from '../auth/realm.ts'
import type { UserDirectory } from '../auth/user-directory.ts'
import { type Log, silentLog } from '../base/log.ts'
import { filesOnDisk } from '../config/config-files.ts'
import type { JsonObject } from '../dynsec/json.ts'
import { AclFiles } from './acl-files.ts'
import { readDirectory, readDirectoryFile, securityPlugin } from './dynamic-security.ts'
import type { ListenerSettings } from './options.ts'
import { parseConfig } from './parse-config.ts'
import { aclPath } from './rules.ts'

/** The rules of one listener. */
export interface Judge {
  /** Its path, or its address and port. */
  readonly listener: string
  readonly mountPoint: string | undefined
  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation
}

/**
 * Asks all of them; listeners with the same rules stand in one answer.
 *
 * @param question on the topic as the client says it
 * @returns for programs; texts in it are as raw as rules are
 */
export function askJudges(
  judges: readonly Judge[],
  candidate: Candidate,
  clientId: string,
  question: AccessQuestion,
): readonly JsonObject[] {
  const answers = new Map<string, { readonly listeners: string[]; readonly explanation: Explanation }>()
  for (const judge of judges) {
    const mounted = { ...question, topic: onMountPoint(question, judge.mountPoint) }
    const explanation = judge.explain(candidate, clientId, mounted)
    const key = JSON.stringify(explanation)
    const known = answers.get(key)
    if (known === undefined) answers.set(key, { listeners: [judge.listener], explanation })
    else known.listeners.push(judge.listener)
  }
  return [...answers.values()].map(({ listeners, explanation }) => ({ listeners, ...explanation }))
}

/**
 * The rules of a mosquitto.conf: reads it, its ACL files and its file of dynamic security, and nothing else.
 *
 * @param log told of what is odd about them
 * @throws AppError of any file that cannot be read
 */
export function judgesOfConfig(file: string, log: Log): readonly Judge[] {
  const config = parseConfig(file, { files: filesOnDisk })
  const directory = readDirectory(config, log)
  const files = new AclFiles(log)
  return config.listeners.map(listener => {
    const path = aclPath(config.global, listener)
    const acl = path === undefined ? undefined : files.get(path)
    const own = securityPlugin(config.global, listener) === undefined ? undefined : directory
    return judgeBy(listenerName(listener), listener.mount_point, acl, own)
  })
}

/**
 * The rules of files without a configuration.
 *
 * @throws AppError of a file that cannot be read
 */
export function judgeOfFiles(acl: string | undefined, dynamicSecurity: string | undefined, log: Log): Judge {
  const rules = acl === undefined ? undefined : new AclFiles(log).get(acl)
  const directory = dynamicSecurity === undefined ? undefined : readDirectoryFile(dynamicSecurity, log)
  return judgeBy('files', undefined, rules, directory)
}

function judgeBy(
  listener: string,
  mountPoint: string | undefined,
  acl: AclRules | undefined,
  directory: UserDirectory | undefined,
): Judge {
  const sources = { acl, directory, log: silentLog }
  return {
    listener,
    mountPoint,
    explain: (candidate, clientId, question) => explainAccess(accessBy(sources, candidate, clientId), question),
  }
}

export function listenerName({ path, port, address }: Pick<ListenerSettings, 'path' | 'port' | 'address'>): string {
  if (path !== undefined) return path
  return address === undefined ? String(port) : `${address}:${port}`
}

const share = '$share/'

/** As the broker does before it asks: behind the name of a shared subscription. */
function onMountPoint({ action, topic }: AccessQuestion, mountPoint = ''): string {
  const isShared = (action === 'subscribe' || action === 'unsubscribe') && topic.startsWith(share)
  const start = isShared ? topic.indexOf('/', share.length) + 1 : 0
  return `${topic.slice(0, start)}${mountPoint}${topic.slice(start)}`
}
