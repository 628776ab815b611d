// The options of a listener whose users are those of an LDAP server, and what of them does not go together.

import { escapeText } from '../base/escape.ts'
import { type ListenerScope, option, type Settings } from '../config/option.ts'
import { bool, integer, OptionValueError, path, text, type Value } from '../config/value.ts'
import { templateFault } from './ldap-names.ts'
import type { GroupRole } from './ldap-service.ts'
import { serviceUrl } from './service-url.ts'

const schemes = ['ldaps', 'ldap'] as const

/** Most lines `ldap_group_role`. */
export const mostGroupRoles = 256

export const ldapOptions = {
  ldap_base: option({
    scope: 'listener',
    value: text({ syntax: '<dn>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The part of the directory in which the entry of a user is looked for, by `ldap_bind_dn`.',
    own: true,
  }),
  ldap_bind_dn: option({
    scope: 'listener',
    value: text({ syntax: '<dn>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Account that looks up entries and groups. Without it users that are connected cannot be looked up again, and stay when they are removed.',
    own: true,
  }),
  ldap_bind_password_file: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'File with the password of `ldap_bind_dn`.',
    own: true,
  }),
  ldap_cache_seconds: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 86_400 }),
    default: 300,
    reload: 'live',
    doc: 'How long it counts that a user of the directory is let in. With `ldap_bind_dn` who is connected is looked up again before it ends.',
    own: true,
  }),
  ldap_cafile: option({
    scope: 'listener',
    value: path({ replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Authorities, in PEM, that the certificate of the LDAP server has to be issued by, instead of those of Node.',
    own: true,
  }),
  ldap_connections: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 64 }),
    default: 8,
    reload: 'live',
    doc: 'Most connections to the LDAP server at once; further questions wait, one address after the other.',
    own: true,
  }),
  ldap_deny_seconds: option({
    scope: 'listener',
    value: integer({ minimum: 0, maximum: 3600 }),
    default: 10,
    reload: 'live',
    doc: 'How long it counts that the LDAP server does not take a password, or does not know a user.',
    own: true,
  }),
  ldap_group_base: option({
    scope: 'listener',
    value: text({ syntax: '<dn>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'The part of the directory in which the groups of a user are looked for.',
    own: true,
  }),
  ldap_group_filter: option({
    scope: 'listener',
    value: text({ syntax: '<filter>', replace: true, refuse: filterRefusal }),
    default: '(member=%d)',
    reload: 'live',
    doc: 'What is true of a group of a user (RFC 4515): `%d` stands for the distinguished name of the user, `%u` for the user name.',
    own: true,
  }),
  ldap_group_role: option({
    scope: 'listener',
    value: groupRoles(),
    default: [],
    reload: 'live',
    doc: 'Role of dynamic security that the members of a group have; one a line.',
    own: true,
  }),
  ldap_send_passwords_unencrypted: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Lets `ldap_url` be ldap to another machine, without `ldap_starttls`: whoever is on the way reads all passwords, and can let in anybody.',
    own: true,
  }),
  ldap_starttls: option({
    scope: 'listener',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Whether TLS begins by StartTLS on a connection to `ldap://`; without TLS nothing is sent then.',
    own: true,
  }),
  ldap_timeout: option({
    scope: 'listener',
    value: integer({ minimum: 1, maximum: 60 }),
    default: 5,
    reload: 'live',
    doc: 'Seconds that the LDAP server has for all that belongs to one user. Without an answer nobody is let in by it.',
    own: true,
  }),
  ldap_url: option({
    scope: 'listener',
    value: text({
      syntax: '<ldaps url>',
      replace: true,
      refuse: url =>
        serviceUrl(url, schemes) === undefined || !/^ldaps?:\/\/[^/?#]+\/?$/.test(url)
          ? "Error: Invalid 'ldap_url' value: it has to be ldaps://host, or ldap://host, with a port or without."
          : undefined,
    }),
    default: undefined,
    reload: 'live',
    doc: 'LDAP server that knows users and their passwords, as `ldaps://host`.',
    own: true,
  }),
  ldap_user_attribute: option({
    scope: 'listener',
    value: text({
      syntax: '<attribute>',
      replace: true,
      refuse: name =>
        /^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)
          ? undefined
          : `Error: Invalid 'ldap_user_attribute' value (${escapeText(name)}).`,
    }),
    default: 'uid',
    reload: 'live',
    doc: 'The attribute that has the user name. It has to be the same letter by letter: for LDAP `Alice` is `alice`, for rules of the broker not.',
    own: true,
  }),
  ldap_user_dn: option({
    scope: 'listener',
    value: text({
      syntax: '<dn>',
      replace: true,
      refuse: template => refusal('ldap_user_dn', templateFault(template, ['u'])),
    }),
    default: undefined,
    reload: 'live',
    doc: 'The entry of a user, with `%u` for the user name: `uid=%u,ou=people,dc=example,dc=org`. Instead of `ldap_base`.',
    own: true,
  }),
  ldap_user_filter: option({
    scope: 'listener',
    value: text({
      syntax: '<filter>',
      replace: true,
      refuse: filter =>
        refusal('ldap_user_filter', /^\(.*\)$/.test(filter) ? undefined : 'it is no filter in brackets'),
    }),
    default: '(objectClass=*)',
    reload: 'live',
    doc: 'What else has to be true of the entry of a user (RFC 4515), such as `(!(accountLocked=TRUE))`.',
    own: true,
  }),
}

export type LdapSettings = Settings<typeof ldapOptions, ListenerScope>

/**
 * @param hasRoles whether the listener has dynamic security
 * @returns why a listener cannot be as it is described; undefined where it can
 */
export function ldapFault(listener: LdapSettings, hasRoles: boolean): string | undefined {
  if (listener.ldap_url === undefined) {
    const { ldap_bind_dn, ldap_bind_password_file, ldap_base, ldap_cafile, ldap_group_base, ldap_user_dn } = listener
    const texts = [ldap_bind_dn, ldap_bind_password_file, ldap_base, ldap_cafile, ldap_group_base, ldap_user_dn]
    const { ldap_group_role: roles, ldap_starttls, ldap_send_passwords_unencrypted } = listener
    const isAskedFor = roles.length > 0 || ldap_starttls || ldap_send_passwords_unencrypted
    return isAskedFor || texts.some(value => value !== undefined)
      ? 'Error: The options of LDAP need ldap_url.'
      : undefined
  }
  return transportFault(listener) ?? placeFault(listener) ?? groupFault(listener, hasRoles)
}

function transportFault(listener: LdapSettings): string | undefined {
  const { ldap_url: url, ldap_starttls: startTls } = listener
  const { isEncrypted = false, isLocal = false } = serviceUrl(url ?? '', schemes) ?? {}
  if (isEncrypted && startTls) return 'Error: ldap_starttls is for ldap://, and ldaps:// is encrypted already.'
  if (isEncrypted || startTls || isLocal || listener.ldap_send_passwords_unencrypted) return undefined
  return 'Error: ldap_url has to be ldaps, or have ldap_starttls, or be on this machine: passwords are sent to it (ldap_send_passwords_unencrypted).'
}

function placeFault({ ldap_base: base, ldap_user_dn: template, ...listener }: LdapSettings): string | undefined {
  const { ldap_bind_dn: account, ldap_bind_password_file: password } = listener
  if ((base === undefined) === (template === undefined)) {
    return 'Error: LDAP needs ldap_user_dn, or ldap_base and ldap_bind_dn, and not both.'
  }
  if ((account === undefined) !== (password === undefined)) {
    return 'Error: ldap_bind_dn and ldap_bind_password_file go together.'
  }
  return base !== undefined && account === undefined
    ? 'Error: ldap_base needs ldap_bind_dn, which looks there.'
    : undefined
}

function groupFault(
  { ldap_group_base: base, ldap_group_role: roles }: LdapSettings,
  hasRoles: boolean,
): string | undefined {
  if ((base !== undefined) !== roles.length > 0) return 'Error: ldap_group_base and ldap_group_role go together.'
  return roles.length > 0 && !hasRoles
    ? 'Error: ldap_group_role needs dynamic security, whose roles it gives.'
    : undefined
}

function filterRefusal(filter: string): string | undefined {
  if (!/^\(.*\)$/.test(filter)) return refusal('ldap_group_filter', 'it is no filter in brackets')
  return refusal('ldap_group_filter', templateFault(filter, ['u', 'd']))
}

function refusal(name: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `Error: Invalid '${name}' value: ${fault}.`
}

/** A role, and the rest of the line is a group. */
function groupRoles(): Value<readonly GroupRole[]> {
  const whole = text({ replace: true })
  return {
    syntax: '<role> <group dn>',
    parse(rest, name, previous = [], warn) {
      const [, role, group] = /^(\S+)\s+(\S.*)$/.exec(whole.parse(rest, name, undefined, warn)) ?? []
      if (role === undefined || group === undefined) {
        throw new OptionValueError(`Error: Invalid '${name}' value: it has to be a role and the name of a group.`)
      }
      if (previous.length >= mostGroupRoles) {
        throw new OptionValueError(`Error: There are more than ${mostGroupRoles} lines '${name}'.`)
      }
      return [...previous, { role, group }]
    },
  }
}
