// The options of a listener that give roles and groups of dynamic security for certificates, and what they need.

import { type ListenerScope, option, type Settings } from '../config/option.ts'
import { certificateGrants } from './certificate-grants.ts'

export const certificateGrantOptions = {
  certificate_group: option({
    scope: 'listener',
    value: certificateGrants('group'),
    default: [],
    reload: 'live',
    doc: 'As `certificate_role`, for a group of dynamic security: its roles count, though the client is no member.',
    own: true,
  }),
  certificate_role: option({
    scope: 'listener',
    value: certificateGrants('role'),
    default: [],
    reload: 'live',
    doc: "Gives a role of dynamic security to clients whose certificate has this value in the attribute, whoever its name makes them: `cn`, `subject`, `subject.<attribute>`, `issuer`, `issuer.<attribute>`, `serial`, `fingerprint`, or `san.dns`, `san.uri`, `san.email` and `san.ip`. All values of an attribute count; `*` stands for any characters, all else for itself. Each line adds one; a role's name has no blanks here. Needs the plugin of dynamic security.",
    own: true,
  }),
}

type GrantSettings = Settings<typeof certificateGrantOptions, ListenerScope>

interface Handshake {
  readonly certfile: string | undefined
  readonly require_certificate: boolean
  readonly request_certificate: boolean
}

/**
 * @param hasDirectory whether the listener has dynamic security
 * @returns why a listener cannot be as it is described; undefined where it can
 */
export function certificateGrantFault(listener: GrantSettings & Handshake, hasDirectory: boolean): string | undefined {
  const { certificate_role, certificate_group, certfile, require_certificate, request_certificate } = listener
  if (certificate_role.length === 0 && certificate_group.length === 0) return undefined
  if (!hasDirectory) {
    return 'Error: certificate_role and certificate_group need the plugin of dynamic security: without it there are no roles.'
  }
  if (certfile !== undefined && (require_certificate || request_certificate)) return undefined
  return 'Error: certificate_role and certificate_group need certfile, and require_certificate or request_certificate: without them nobody shows a certificate.'
}
