// A log line as `logger --prio-prefix` takes it: facility and severity in front, and never longer than it reads as one line.

import type { LogType } from '../base/log.ts'
import { maximumSyslogMessageBytes } from './logger-outlet.ts'

/** Room for the header of a message: time, host name and sender. */
const headerBytes = 512
/** Of a line without its priority; the rest is cut off. */
export const maximumSyslogLineBytes = maximumSyslogMessageBytes - headerBytes

/** Facilities as RFC 5424 §6.2.1 numbers them. */
const daemonFacility = 3
const firstLocalFacility = 16

/** Severities (RFC 5424 §6.2.1) that Mosquitto gives its types. */
const severities: Readonly<Record<LogType, number>> = {
  error: 3,
  warning: 4,
  notice: 5,
  information: 6,
  debug: 7,
  subscribe: 5,
  unsubscribe: 5,
  internal: 7,
  websockets: 7,
}

/** @param local the value of `log_facility`; without one, `daemon` */
export function syslogPriority(type: LogType, local: number | undefined): string {
  const facility = local === undefined ? daemonFacility : firstLocalFacility + local
  return `<${facility * 8 + severities[type]}>`
}

/** @param line without a line break */
export function cutToSyslog(line: string): string {
  // One UTF-16 code unit is three bytes at most.
  if (line.length * 3 <= maximumSyslogLineBytes || Buffer.byteLength(line) <= maximumSyslogLineBytes) return line
  const ellipsis = '…'
  const room = Buffer.alloc(maximumSyslogLineBytes - Buffer.byteLength(ellipsis))
  return line.slice(0, new TextEncoder().encodeInto(line, room).read) + ellipsis
}
