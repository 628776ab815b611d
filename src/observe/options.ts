// The options of the log, as mosquitto.conf spells them.

import { option, type Settings } from '../config/option.ts'
import { bool, integer, text } from '../config/value.ts'
import { logDestinations, logTypes } from './log-values.ts'
import { checkTimestampFormat } from './timestamp.ts'

export const observeOptions = {
  connection_messages: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'Whether connects and disconnects are logged.',
  }),
  log_dest: option({
    scope: 'global',
    value: logDestinations(),
    default: [{ kind: 'stderr' }],
    reload: 'live',
    doc: 'Where log lines go; repeat it for several places. `none` forgets those named before it; one file at most. `syslog` needs logger(1) of util-linux.',
    unsupported: {
      accepts: (destinations: readonly { readonly kind: string }[]) =>
        destinations.every(({ kind }) => kind !== 'dlt' && kind !== 'android'),
      advice:
        'dlt and android are reached through libraries in C, which are not loaded here; use `log_dest syslog`, a file, or stderr',
    },
  }),
  log_facility: option({
    scope: 'global',
    value: integer({ minimum: 0, maximum: 7, refusal: (value, name) => `Error: Invalid '${name}' value (${value}).` }),
    default: undefined,
    reload: 'live',
    doc: 'Facility of the lines of `log_dest syslog`: local0 to local7; without it, daemon.',
  }),
  log_timestamp: option({
    scope: 'global',
    value: bool(),
    default: true,
    reload: 'live',
    doc: 'Whether each line begins with the time.',
  }),
  log_timestamp_format: option({
    scope: 'global',
    value: text({ syntax: '<strftime format>', refuse: checkTimestampFormat }),
    default: undefined,
    reload: 'live',
    doc: 'Format of the time, in the codes of strftime(3); without it, seconds since the epoch.',
  }),
  log_type: option({
    scope: 'global',
    value: logTypes(),
    default: ['error', 'warning', 'notice', 'information'],
    reload: 'live',
    doc: 'Which lines are logged; repeat it for several types. `all` and `none` forget those named before them.',
  }),
}

export type LogSettings = Settings<typeof observeOptions, 'global'>
