// The log of a broker that is part of a program: it writes what `log_dest` names besides standard output and error, and tells the
// program line by line where that wants to know.

import { wallClock } from '../base/clock.ts'
import { type BrokerLog, createLog } from '../observe/broker-log.ts'
import { systemLogIo } from '../observe/log-io.ts'
import type { LogSettings } from '../observe/options.ts'
import type { BrokerOptions, LogLine } from './options.ts'

/** @throws LogFileError */
export function openProgramLog(settings: LogSettings, log: BrokerOptions['log']): BrokerLog {
  const io = systemLogIo({ now: wallClock })
  if (log === 'standard') return createLog(settings, io)
  const isStandard = (kind: string) => kind === 'stdout' || kind === 'stderr'
  const elsewhere = settings.log_dest.filter(({ kind }) => !isStandard(kind))
  const inner = createLog({ ...settings, log_dest: elsewhere }, io)
  return log === undefined ? inner : tapped(inner, new Set(settings.log_type), log)
}

/** A line that the program's function cannot take is lost, and nothing else. */
function tapped(inner: BrokerLog, types: ReadonlySet<string>, tell: LogLine): BrokerLog {
  const { enabled, write } = inner
  return Object.assign(inner, {
    enabled: (type: Parameters<typeof enabled>[0]) => types.has(type) || enabled.call(inner, type),
    write: (type: Parameters<typeof write>[0], line: string) => {
      write.call(inner, type, line)
      if (!types.has(type)) return
      try {
        tell(type, line)
      } catch {}
    },
  })
}
