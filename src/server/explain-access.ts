// How the rules of each listener decide, and why: for `$CONTROL/broker/v1`, and for `castellan acl`, which reads the files without a
// broker.

import { explainAccess } from '../auth/access.ts'
import type { AclRules } from '../auth/acl-rules.ts'
import { accessBy } from '../auth/directory-access.ts'
import { type AccessQuestion, type Explanation, explained, type Source } from '../auth/explanation.ts'
import type { Candidate } from '../auth/realm.ts'
import type { UserDirectory } from '../auth/user-directory.ts'
import { wallClock } from '../base/clock.ts'
import { type Log, silentLog } from '../base/log.ts'
import { filesOnDisk } from '../config/config-files.ts'
import { BanFile } from '../control/ban-file.ts'
import type { JsonObject } from '../dynsec/json.ts'
import { type Circumstances, type FindBan, received } from './access-circumstances.ts'
import { AclFiles } from './acl-files.ts'
import { readDirectory, readDirectoryFile } from './dynamic-security.ts'
import type { ListenerSettings } from './options.ts'
import { parseConfig } from './parse-config.ts'
import { aclPath, securityPlugin } from './rule-sources.ts'

/** The rules of one listener. */
export interface Judge {
  /** Its path, or its address and port. */
  readonly listener: string
  readonly mountPoint: string | undefined
  /** undefined for rules without a listener of the configuration. */
  readonly settings: ListenerSettings | undefined
  /** undefined where nobody can be banned. */
  readonly findBan?: FindBan | undefined
  explain(candidate: Candidate, clientId: string, question: AccessQuestion): Explanation
}

/** Who is asked about, and for what: on the topic as the client says it. */
export interface Asked extends Circumstances {
  readonly candidate: Candidate
  readonly clientId: string
  readonly question: AccessQuestion
}

/**
 * Asks all of them; listeners with the same rules stand in one answer.
 *
 * @returns for programs; texts in it are as raw as rules are
 */
export function askJudges(judges: readonly Judge[], asked: Asked): readonly JsonObject[] {
  const answers = new Map<string, { readonly listeners: string[]; readonly explanation: Explanation }>()
  for (const judge of judges) {
    const explanation = askJudge(judge, asked)
    const key = JSON.stringify(explanation)
    const known = answers.get(key)
    if (known === undefined) answers.set(key, { listeners: [judge.listener], explanation })
    else known.listeners.push(judge.listener)
  }
  return [...answers.values()].map(({ listeners, explanation }) => ({ listeners, ...explanation }))
}

function askJudge({ mountPoint, settings, findBan, explain }: Judge, asked: Asked): Explanation {
  const { clientId, question } = asked
  const { candidate, refusals, notes } = received(settings, findBan, asked)
  const mounted = { ...question, topic: onMountPoint(question, mountPoint) }
  const explanation = explain(candidate, clientId, mounted)
  if (refusals.length === 0 && notes.length === 0) return explanation
  const own: Source = { name: 'broker', looked: refusals.length, rules: refusals, notes }
  return explained(mounted, joined(own, explanation.sources))
}

/** What the listener says stands before what the broker says everywhere. */
function joined(own: Source, [first, ...rest]: readonly Source[]): readonly Source[] {
  if (first === undefined || first.name !== own.name) return [own, ...(first === undefined ? [] : [first]), ...rest]
  const looked = own.looked + first.looked
  return [{ ...first, looked, rules: [...own.rules, ...first.rules], notes: [...own.notes, ...first.notes] }, ...rest]
}

/**
 * The rules of a mosquitto.conf: reads it, its ACL files, its file of dynamic security and that of its bans, and nothing else.
 *
 * @param log told of what is odd about them
 * @throws AppError of any file that cannot be read
 */
export function judgesOfConfig(file: string, log: Log): readonly Judge[] {
  const config = parseConfig(file, { files: filesOnDisk })
  const directory = readDirectory(config, log)
  const files = new AclFiles(log)
  const { ban_file: banPath } = config.global
  const bans = banPath === undefined ? undefined : new BanFile(banPath, wallClock).bans
  const findBan: FindBan | undefined = bans && (who => bans.find(who, wallClock()))
  return config.listeners.map(listener => {
    const path = aclPath(config.global, listener)
    const acl = path === undefined ? undefined : files.get(path)
    const own = securityPlugin(config.global, listener) === undefined ? undefined : directory
    return { ...judgeBy(listenerName(listener), listener, acl, own), findBan }
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
  settings: ListenerSettings | undefined,
  acl: AclRules | undefined,
  directory: UserDirectory | undefined,
): Judge {
  const sources = { acl, directory, log: silentLog }
  return {
    listener,
    mountPoint: settings?.mount_point,
    settings,
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
