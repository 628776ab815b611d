// The LDAP server that a listener asks about its users, from its options and the files that they name.

import { ldapConnector } from '../auth/ldap-connection.ts'
import { createLdapService, type LdapRules } from '../auth/ldap-service.ts'
import { loadAuthorities, loadServicePassword } from '../auth/service-files.ts'
import { assert } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { MadeService } from './external-auth.ts'
import type { ListenerSettings } from './options.ts'

/**
 * @returns undefined where the listener asks none
 * @throws ServiceFileError
 */
export function ldapDirectory(listener: ListenerSettings, log: Log): MadeService | undefined {
  const { ldap_url: url, ldap_cafile: cafile, ldap_starttls: startTls } = listener
  if (url === undefined) return undefined
  const timeoutMs = listener.ldap_timeout * 1000
  const ca = cafile === undefined ? undefined : loadAuthorities('ldap_cafile', cafile)
  const rules: LdapRules = {
    url,
    user: userPlace(listener),
    userAttribute: listener.ldap_user_attribute,
    userFilter: listener.ldap_user_filter,
    account: account(listener, log),
    groups: groupsOf(listener),
    timeoutMs,
  }
  const service = createLdapService(rules, ldapConnector({ url, startTls, ca, timeoutMs }))
  return {
    service,
    maxUnderWay: listener.ldap_connections,
    allowMs: listener.ldap_cache_seconds * 1000,
    denyMs: listener.ldap_deny_seconds * 1000,
  }
}

function account(listener: ListenerSettings, log: Log): LdapRules['account'] {
  const { ldap_bind_dn: dn, ldap_bind_password_file: file } = listener
  if (dn === undefined || file === undefined) return undefined
  const { secret: password, warnings } = loadServicePassword('ldap_bind_password_file', file)
  for (const line of warnings) log.write('warning', line)
  return { dn, password }
}

function userPlace({ ldap_base: base, ldap_user_dn: dn }: ListenerSettings): LdapRules['user'] {
  if (dn !== undefined) return { kind: 'template', dn }
  assert(base !== undefined, '`ldapFault` lets nothing pass that has neither')
  return { kind: 'base', base }
}

function groupsOf(listener: ListenerSettings): LdapRules['groups'] {
  const { ldap_group_base: base, ldap_group_filter: filter, ldap_group_role: roles } = listener
  return base === undefined ? undefined : { base, filter, roles }
}
