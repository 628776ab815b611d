// The options of the audit.

import { escapeText } from '../base/escape.ts'
import { option, type Settings } from '../config/option.ts'
import { choice, firstToken, integer, OptionValueError, path, type Value } from '../config/value.ts'
import { type AuditKind, auditKinds } from './event.ts'

/** What the audit tells about itself is never left out. */
const excludable = auditKinds.filter(kind => kind !== 'audit')

export const auditOptions = {
  audit_exclude: option({
    scope: 'global',
    value: excludedKinds(),
    default: [],
    reload: 'live',
    doc: 'Kinds of events that the audit leaves out; repeat it for several. `none` forgets those named before it.',
    own: true,
  }),
  audit_failure: option({
    scope: 'global',
    value: choice(['continue', 'refuse']),
    default: 'continue',
    reload: 'live',
    doc: 'What happens while the audit cannot be written, as on a full disk: the broker goes on, 16 MiB of events wait and further ones are counted, or new logins and all commands of `$CONTROL` are refused.',
    own: true,
  }),
  audit_file: option({
    scope: 'global',
    value: path(),
    default: undefined,
    reload: 'restart',
    doc: 'File that tells who did what: logins, refusals, commands and what they changed, a JSON object on each line, chained by hash. Without it there is no audit.',
    own: true,
  }),
  audit_max_file_bytes: option({
    scope: 'global',
    value: integer({ minimum: 65_536, maximum: 1_073_741_824 }),
    default: 67_108_864,
    reload: 'live',
    doc: 'Bytes of `audit_file` after which it becomes `<path>.<number of its first record>` and a new one begins.',
    own: true,
  }),
  audit_max_files: option({
    scope: 'global',
    value: integer({ minimum: 1, maximum: 100_000 }),
    default: 16,
    reload: 'live',
    doc: 'Files of earlier records that are kept beside `audit_file`; the oldest go.',
    own: true,
  }),
  audit_max_rate: option({
    scope: 'global',
    value: integer({ minimum: 1, maximum: 100_000 }),
    default: 1000,
    reload: 'live',
    doc: 'Logins, refusals and refused topics in a second that are told one by one; the others are counted and told as a number each ten seconds. Refusals beyond ten of one address in ten seconds are, too.',
    own: true,
  }),
  audit_max_refused_topics: option({
    scope: 'global',
    value: integer({ minimum: 0, maximum: 10_000 }),
    default: 10,
    reload: 'live',
    doc: 'Topics that are refused to one connection and told, each once; the others are counted and told when it ends.',
    own: true,
  }),
  audit_sync_interval: option({
    scope: 'global',
    value: integer({ minimum: 0, maximum: 3600 }),
    default: 1,
    reload: 'live',
    doc: 'Seconds until what was written to `audit_file` is made safe against a power failure; 0 with each write.',
    own: true,
  }),
}

export type AuditSettings = Settings<typeof auditOptions, 'global'>

function excludedKinds(): Value<readonly AuditKind[]> {
  return {
    syntax: `${excludable.join(' | ')} | none`,
    parse(text, name, previous = []) {
      const token = firstToken(text, name)
      if (token === 'none') return []
      const kind = excludable.find(known => known === token)
      if (kind === undefined) throw new OptionValueError(`Error: Invalid '${name}' value (${escapeText(token)}).`)
      return previous.includes(kind) ? previous : [...previous, kind]
    },
  }
}
