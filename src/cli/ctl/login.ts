// How `castellan ctl` logs in: with what the options say, and a password that is asked for where they have none.

import { escapeText } from '../../base/escape.ts'
import type { Login } from './exchange.ts'
import type { CtlOptions } from './options.ts'
import type { Prompts } from './prompts.ts'
import { type Access, accessOf } from './request.ts'

/**
 * @throws CtlUsageError
 * @throws CtlError for a file that cannot be read, or a password that does not come
 */
export async function loginOf(options: CtlOptions, env: NodeJS.ProcessEnv, prompts: Prompts): Promise<Login> {
  const access = accessOf(options, env)
  if (!options.quiet) warnOfEavesdroppers(access, prompts)
  const { username } = access
  const password = access.password ?? (username && (await prompts.password(`Password for ${escapeText(username)}: `)))
  return { ...access, password, clientId: options.id, cleanStart: !options.cleanSessionOff }
}

function warnOfEavesdroppers({ target }: Access, prompts: Prompts): void {
  if ('path' in target || target.tls !== undefined || loopback.test(target.host)) return
  prompts.say('Warning: Without TLS everybody on the way can read what is sent, passwords too; see --cafile.')
}

const loopback = /^(localhost|127(\.\d+){3}|::1)$/
