// The log: which types of lines are written, how they begin, and where they go (mosquitto.conf(5): log_dest, log_type,
// log_timestamp, log_timestamp_format).

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log, LogType } from '../base/log.ts'
import type { LogIo } from './log-io.ts'
import { LogSink } from './log-sink.ts'
import type { LogDestination } from './log-values.ts'
import type { LogSettings } from './options.ts'
import { cutToSyslog, syslogPriority } from './syslog-line.ts'
import { formatTimestamp } from './timestamp.ts'

/** The log file cannot be opened. */
export class LogFileError extends AppError {
  constructor(path: string, cause: unknown) {
    super('ERR_OBSERVE_LOG_FILE', `Error: Unable to open log file ${escapeText(path)} for writing.`, { cause })
  }
}

/** There is no way to the system's log. */
export class SyslogError extends AppError {
  constructor() {
    super('ERR_OBSERVE_SYSLOG', 'Error: Unable to log to syslog: there is no program logger (util-linux) on PATH.')
  }
}

/** Takes the lines of `log_dest topic`; may log itself, but those lines go to no topic. */
export type TopicLine = (topic: string, line: string) => void

export interface BrokerLog extends Log {
  /** Set by the broker once it can publish. */
  onTopicLine: TopicLine | undefined
  /**
   * Takes other settings at once.
   * @throws LogFileError, SyslogError; and stays as it was
   */
  configure(settings: LogSettings): void
  /** Opens the log file anew, for whoever has moved it away; where that fails it goes on with the old one, and says so. */
  reopen(): void
  /** Writes what waits before it returns: for the end of the process. */
  flush(): void
}

/** @throws LogFileError, SyslogError */
export function createLog(settings: LogSettings, io: LogIo): BrokerLog {
  return new FileBrokerLog(settings, io)
}

interface OpenDestination {
  readonly kind: 'standard' | 'file' | 'syslog'
  readonly sink: LogSink
}

class FileBrokerLog implements BrokerLog {
  onTopicLine: TopicLine | undefined = undefined
  readonly #io: LogIo
  /** Standard output and error keep their sinks, and with them the order of lines, over a change of settings. */
  readonly #standard: Readonly<Record<'stdout' | 'stderr', OpenDestination>>
  #settings: LogSettings
  #types: ReadonlySet<LogType> = new Set()
  #destinations: readonly OpenDestination[] = []
  #toTopic = false
  #topicLines: [topic: string, line: string][] = []
  #publishing = false
  #prefix = ''
  #prefixSecond = Number.NaN

  constructor(settings: LogSettings, io: LogIo) {
    this.#io = io
    this.#standard = {
      stdout: { kind: 'standard', sink: new LogSink(io.stdout, io) },
      stderr: { kind: 'standard', sink: new LogSink(io.stderr, io) },
    }
    this.#settings = settings
    this.configure(settings)
  }

  enabled(type: LogType): boolean {
    return this.#types.has(type)
  }

  write(type: LogType, line: string): void {
    if (!this.#types.has(type)) return
    const prefix = this.#timestamp()
    const whole = prefix + (line.includes('\n') ? line.replaceAll('\n', '\\n') : line)
    for (const { kind, sink } of this.#destinations) {
      if (kind === 'syslog') this.#addToSyslog(sink, type, whole, prefix)
      else sink.add(whole, prefix)
    }
    if (this.#toTopic) this.#queueForTopic(type, whole)
  }

  configure(settings: LogSettings): void {
    const opened = this.#open(settings.log_dest)
    const old = this.#destinations
    this.#settings = settings
    this.#destinations = opened
    this.#toTopic = settings.log_dest.some(({ kind }) => kind === 'topic')
    this.#types = new Set(opened.length > 0 || this.#toTopic ? settings.log_type : [])
    this.#prefixSecond = Number.NaN
    for (const destination of old) if (!opened.includes(destination)) destination.sink.end()
  }

  reopen(): void {
    try {
      this.configure(this.#settings)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      this.write('error', error.message)
    }
  }

  flush(): void {
    for (const { sink } of new Set([...this.#destinations, this.#standard.stderr])) sink.flush()
  }

  #open(destinations: readonly LogDestination[]): OpenDestination[] {
    const opened: OpenDestination[] = []
    // The file last, of which there is one at most, and syslog begins with its first line: nothing stays open when one fails.
    for (const destination of destinations.toSorted((a, b) => Number(a.kind === 'file') - Number(b.kind === 'file'))) {
      if (destination.kind === 'file') opened.push(this.#openFile(destination.path))
      else if (destination.kind === 'syslog') opened.push(this.#openSyslog())
      else if (destination.kind === 'stdout' || destination.kind === 'stderr')
        opened.push(this.#standard[destination.kind])
    }
    return opened
  }

  #openFile(path: string): OpenDestination {
    try {
      return { kind: 'file', sink: new LogSink(this.#io.openFile(path), this.#io) }
    } catch (cause) {
      throw new LogFileError(path, cause)
    }
  }

  /** The one that there is, so that its lines stay in order. */
  #openSyslog(): OpenDestination {
    const present = this.#destinations.find(({ kind }) => kind === 'syslog')
    if (present !== undefined) return present
    const outlet = this.#io.openSyslog(why => this.#tellLost(why))
    if (outlet === undefined) throw new SyslogError()
    return { kind: 'syslog', sink: new LogSink(outlet, this.#io) }
  }

  // On standard error, wherever lines go: who reads the system's log alone would never see it.
  #tellLost(why: string): void {
    const prefix = this.#timestamp()
    this.#standard.stderr.sink.add(`${prefix}Warning: Lines for syslog were lost: logger has ended (${why}).`, prefix)
  }

  #addToSyslog(sink: LogSink, type: LogType, line: string, prefix: string): void {
    const { log_facility: facility } = this.#settings
    sink.add(syslogPriority(type, facility) + cutToSyslog(line), syslogPriority('warning', facility) + prefix)
  }

  // Lines wait until the work at hand is done: publishing in the middle of it would reenter the broker.
  #queueForTopic(type: LogType, line: string): void {
    const name = topicNames[type]
    if (name === undefined || this.#publishing || this.onTopicLine === undefined) return
    if (this.#topicLines.length === 0) this.#io.soon(() => this.#publish())
    if (this.#topicLines.length < maximumTopicLines) this.#topicLines.push([`$SYS/broker/log/${name}`, line])
  }

  #publish(): void {
    const lines = this.#topicLines
    this.#topicLines = []
    this.#publishing = true
    try {
      for (const [topic, line] of lines) this.onTopicLine?.(topic, line)
    } finally {
      this.#publishing = false
    }
  }

  // Seconds are as fine as any format gets, so the text is made once a second.
  #timestamp(): string {
    if (!this.#settings.log_timestamp) return ''
    const now = this.#io.now()
    const second = Math.floor(now / 1000)
    if (second !== this.#prefixSecond) {
      const format = this.#settings.log_timestamp_format
      this.#prefix = `${format === undefined ? second : formatTimestamp(format, now)}: `
      this.#prefixSecond = second
    }
    return this.#prefix
  }
}

/** Most lines of one turn that go to topics; a burst must not flood the subscribers of the log. */
export const maximumTopicLines = 1000

// No debug lines: publishing one makes more of them.
const topicNames: Readonly<Partial<Record<LogType, string>>> = {
  error: 'E',
  warning: 'W',
  notice: 'N',
  information: 'I',
  subscribe: 'M/subscribe',
  unsubscribe: 'M/unsubscribe',
}
