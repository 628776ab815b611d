// The lines of mosquitto.conf that steer how the others are read; the parser acts on them itself.

import { option } from './option.ts'
import { bool, integer, path, text } from './value.ts'

const portRange = {
  maximum: 65_535,
  refusal: (value: number) => `Error: Invalid 'port' value (${value}).`,
}

export const directives = {
  bind_address: option({
    scope: 'directive',
    value: text({ syntax: '<host>', nameInErrors: 'default listener bind_address' }),
    default: undefined,
    reload: 'restart',
    doc: 'Address of the default listener.',
    deprecated: '',
  }),
  include_dir: option({
    scope: 'directive',
    value: path({ syntax: '<directory>', replace: true }),
    default: undefined,
    reload: 'live',
    doc: 'Reads every `*.conf` file of a directory at this place. Only in the main file.',
  }),
  listener: option({
    scope: 'directive',
    value: integer({ minimum: 0, ...portRange }),
    default: undefined,
    reload: 'restart',
    doc: 'Begins a listener: `<port> [<address> | <socket path>]`. Port 0 with a path makes a unix socket.',
  }),
  per_listener_settings: option({
    scope: 'directive',
    value: bool(),
    default: false,
    reload: 'restart',
    doc: 'Whether the security options belong to the listener above them. Must come before all of them.',
    deprecated: 'Please see the documentation for how to achieve the same effect.',
  }),
  port: option({
    scope: 'directive',
    value: integer({ minimum: 1, ...portRange }),
    default: 1883,
    reload: 'restart',
    doc: 'Port of the default listener.',
    deprecated: "Please use 'listener' instead.",
  }),
}
