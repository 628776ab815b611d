// The options of a listener that asks an HTTP hook, and what of them does not go together.

import { type ListenerScope, option, type Settings } from '../config/option.ts'
import { bool, integer, path, text } from '../config/value.ts'
import { serviceUrl } from './service-url.ts'

const schemes = ['https', 'http'] as const

export const httpHookOptions = {
  auth_http_cache_seconds: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 86_400 }),
    default: 300,
    reload: 'live',
    doc: 'How long the word of the hook counts that a user is let in, where its answer does not say less. Who is connected is asked about again before it ends.',
    own: true,
  }),
  auth_http_cafile: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Authorities, in PEM, that the certificate of the hook has to be issued by, instead of those of Node.',
    own: true,
  }),
  auth_http_connections: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 256 }),
    default: 16,
    reload: 'live',
    doc: 'Most questions to the hook under way at once; others wait, one address after the other.',
    own: true,
  }),
  auth_http_deny_seconds: option({
    scope: 'listener',
    value: integer({ minimum: 0, maximum: 3600 }),
    default: 10,
    reload: 'live',
    doc: 'How long it counts that the hook does not let a client in, or does not know it.',
    own: true,
  }),
  auth_http_secret_file: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Text of 16 visible ASCII characters or more that the broker shows to the hook, as `Authorization: Bearer …`.',
    own: true,
  }),
  auth_http_send_passwords_unencrypted: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Lets `auth_http_url` be http to another machine: whoever is on the way reads all passwords, and can let in anybody.',
    own: true,
  }),
  auth_http_timeout: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 60 }),
    default: 5,
    reload: 'live',
    doc: 'Seconds that the hook has for an answer. Without one nobody is let in by it.',
    own: true,
  }),
  auth_http_url: option({
    scope: 'listener',
    value: text({
      syntax: '<https url>',
      replace: true,
      refuse: url =>
        serviceUrl(url, schemes) === undefined
          ? "Error: Invalid 'auth_http_url' value: it has to be https (or http), without a password."
          : undefined,
    }),
    default: undefined,
    reload: 'live',
    doc: 'HTTP hook that is asked whether a client with a user name may come in, and what it may do. Sessions of users whom it does not let in any more end.',
    own: true,
  }),
}

export type HttpHookSettings = Settings<typeof httpHookOptions, ListenerScope>

/** @returns why a listener cannot be as it is described; undefined where it can */
export function httpHookFault(listener: HttpHookSettings): string | undefined {
  const { auth_http_url: url, auth_http_cafile: ca, auth_http_secret_file: secret } = listener
  if (url === undefined) {
    const isAskedFor = ca !== undefined || secret !== undefined || listener.auth_http_send_passwords_unencrypted
    return isAskedFor ? 'Error: The options of the HTTP hook need auth_http_url.' : undefined
  }
  const { isEncrypted = false, isLocal = false } = serviceUrl(url, schemes) ?? {}
  if (isEncrypted || isLocal || listener.auth_http_send_passwords_unencrypted) return undefined
  return 'Error: auth_http_url has to be https, or on this machine: passwords are sent to it (auth_http_send_passwords_unencrypted).'
}
