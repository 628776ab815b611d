// The log: which types of lines are written, how they begin, and where they go (mosquitto.conf(5): log_dest, log_type,
// log_timestamp, log_timestamp_format).

import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import type { Log, LogType } from '../base/log.ts'
import type { LogIo } from './log-io.ts'
import { LogSink } from './log-sink.ts'
import type { LogDestination } from './log-values.ts'
import type { LogSettings } from './options.ts'
import { formatTimestamp } from './timestamp.ts'

/** The log file cannot be opened. */
export class LogFileError extends AppError {
  constructor(path: string, cause: unknown) {
    super('ERR_OBSERVE_LOG_FILE', `Error: Unable to open log file ${escapeText(path)} for writing.`, { cause })
  }
}

/** Takes the lines of `log_dest topic`; may log itself, but those lines go to no topic. */
export type TopicLine = (topic: string, line: string) => void

export interface BrokerLog extends Log {
  /** Set by the broker once it can publish. */
  onTopicLine: TopicLine | undefined
  /**
   * Takes other settings at once.
   * @throws LogFileError and stays as it was
   */
  configure(settings: LogSettings): void
  /**
   * Opens the log file anew, for whoever has moved it away.
   * @throws LogFileError and goes on with the old file
   */
  reopen(): void
  /** Writes what waits before it returns: for the end of the process. */
  flush(): void
}

/** @throws LogFileError */
export function createLog(settings: LogSettings, io: LogIo): BrokerLog {
  return new FileBrokerLog(settings, io)
}

/** A file descriptor with its sink, and whether this log opened it. */
interface OpenDestination {
  readonly fd: number
  readonly owned: boolean
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
      stdout: { fd: io.stdout, owned: false, sink: new LogSink(io.stdout, io) },
      stderr: { fd: io.stderr, owned: false, sink: new LogSink(io.stderr, io) },
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
    for (const { sink } of this.#destinations) sink.add(whole, prefix)
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
    this.#closeOwned(old)
  }

  reopen(): void {
    this.configure(this.#settings)
  }

  flush(): void {
    for (const { sink } of this.#destinations) sink.flush()
  }

  #open(destinations: readonly LogDestination[]): OpenDestination[] {
    const opened: OpenDestination[] = []
    for (const destination of destinations) {
      if (destination.kind === 'file') opened.push(this.#openFile(destination.path))
      else if (destination.kind === 'stdout' || destination.kind === 'stderr')
        opened.push(this.#standard[destination.kind])
    }
    return opened
  }

  // At most one destination is a file, so nothing opened before it is left open when it fails.
  #openFile(path: string): OpenDestination {
    try {
      const fd = this.#io.open(path)
      return { fd, owned: true, sink: new LogSink(fd, this.#io) }
    } catch (cause) {
      throw new LogFileError(path, cause)
    }
  }

  #closeOwned(destinations: readonly OpenDestination[]): void {
    for (const { fd, owned, sink } of destinations) {
      if (owned) sink.end(() => this.#io.close(fd))
    }
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
