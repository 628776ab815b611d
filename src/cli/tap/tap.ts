// `castellan tap`: what comes through a broker, as a tree on a terminal or as lines.

import { randomBytes } from 'node:crypto'
import { setInterval as every } from 'node:timers/promises'
import { systemClock } from '../../base/clock.ts'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { cleanConnect } from '../../client/clean-connect.ts'
import { Conversation } from '../../client/conversation.ts'
import { limitAnswer, openInTime } from '../../client/open-in-time.ts'
import type { Publish, QoS } from '../../mqtt/packet.ts'
import { lastingInput, type OwnOption, readConnectionArguments } from '../connection-arguments.ts'
import { CtlError, CtlUsageError } from '../ctl/error.ts'
import type { Login } from '../ctl/exchange.ts'
import { loginOf } from '../ctl/login.ts'
import type { CtlOptions } from '../ctl/options.ts'
import { Prompts } from '../ctl/prompts.ts'
import { exitCode } from '../exit-code.ts'
import { Interrupted } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import { tapHelp } from './help.ts'
import { messageLine, screenLines, treeHeight } from './screen.ts'
import { paintFor, TapTerminal } from './terminal.ts'
import { TopicTree } from './tree.ts'
import { TapView } from './view.ts'

interface TapRequest {
  readonly filters: readonly string[]
  readonly qos: QoS
  /** Infinite unless given. */
  readonly count: number
  readonly isPlain: boolean
  readonly connection: CtlOptions
}

/** What shows messages; one of a terminal and a pipe. */
interface Display {
  take(message: Publish): void
  close(): void
}

/** The broker said no. */
class NotLetIn extends AppError {
  constructor(message: string) {
    super('ERR_CLI_TAP_REFUSED', message)
  }
}

const keepAliveSeconds = 60
/** Between two pictures. */
const frameMs = 200
/** Between two looks at the rates. */
const tickMs = 1000
const firstFailure = 0x80

/** `castellan tap …`. @returns the exit code */
export async function tap(args: readonly string[], io: Io): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(tapHelp)
    return exitCode.ok
  }
  const input = lastingInput(io)
  try {
    const request = readTapArguments(args)
    const login = await loginOf(request.connection, io.env, new Prompts(input))
    await input.close()
    await show(request, login, io)
    return exitCode.ok
  } catch (error) {
    return complain(error, io)
  } finally {
    await input.close()
  }
}

/** @throws what is no error of ours */
function complain(error: unknown, io: Io): number {
  if (error instanceof Interrupted) return exitCode.interrupted
  if (!(error instanceof AppError)) throw error
  io.stderr.write(`castellan tap: ${error.message.replace(/^Error: /, '')}\n`)
  if (error instanceof CtlUsageError) return exitCode.usage
  if (error instanceof CtlError) return exitCode.failed
  return error instanceof NotLetIn ? exitCode.denied : exitCode.unreachable
}

/** @throws CtlUsageError */
function readTapArguments(args: readonly string[]): TapRequest {
  const given: Mutable<Omit<TapRequest, 'connection'>> & { filters: string[] } = {
    filters: [],
    qos: 0,
    count: Number.POSITIVE_INFINITY,
    isPlain: false,
  }
  const topic: OwnOption = {
    takes: 'a topic filter',
    read(value) {
      given.filters.push(filterOf(value))
    },
  }
  const qos: OwnOption = {
    takes: 'a QoS',
    read(value) {
      given.qos = numberOf('--qos', value, 0, 2) as QoS
    },
  }
  const count: OwnOption = {
    takes: 'a number',
    read(value) {
      given.count = numberOf('--count', value, 1, 2 ** 31)
    },
  }
  const plain: OwnOption = {
    read() {
      given.isPlain = true
    },
  }
  const own = {
    '-t': topic,
    '--topic': topic,
    '-q': qos,
    '--qos': qos,
    '-C': count,
    '--count': count,
    '--plain': plain,
  }
  const connection = readConnectionArguments(args, own)
  return { ...given, filters: given.filters.length > 0 ? given.filters : ['#'], connection }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function filterOf(value: string): string {
  if (value !== '' && Buffer.byteLength(value) <= 65_535 && !value.includes('\0')) return value
  throw new CtlUsageError('Error: A topic filter has 1 to 65535 bytes, and no NUL.')
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d{1,10}$/.test(text) && value >= least && value <= most) return value
  throw new CtlUsageError(`Error: ${name} '${escapeText(text, 32)}' is no number from ${least} to ${most}.`)
}

/**
 * Connects, and shows what comes until somebody ends it.
 *
 * @throws NotLetIn
 * @throws AppError of the client for a broker that cannot be reached, or is gone
 */
async function show(request: TapRequest, login: Login, io: Io): Promise<void> {
  let left = request.count
  let refusal: NotLetIn | undefined
  let display: Display | undefined
  const answered = new AbortController()
  const leave = () => conversation.disconnect(0, {})
  const isScreen = io.stdin.isTTY && io.stdout.isTTY && !request.isPlain
  // Who reads a pipe may take their time: what the broker answers is not read meanwhile, either.
  const keepAlive = isScreen ? keepAliveSeconds : 0
  const conversation = new Conversation(cleanConnect(login, clientIdOf(login), keepAlive), 1, {
    connected(code) {
      answered.abort()
      if (code === 0) conversation.subscribe(subscriptionsOf(request), {})
      else refusal = new NotLetIn(`the broker does not let us in (code ${code}); see -u, --cert`)
    },
    subscribed(_packetId, codes) {
      if (codes.some(code => code < firstFailure)) return
      refusal = new NotLetIn(
        `the broker grants none of ${request.filters.map(filter => `'${escapeText(filter)}'`).join(', ')}`,
      )
      leave()
    },
    message(message) {
      if (left <= 0) return
      left -= 1
      display?.take(message)
      if (left === 0) leave()
    },
  })
  const stream = await openInTime(login.target)
  display = isScreen ? new Screen(io, sourceOf(login, request), leave) : new Lines(io, stream, leave)
  process.once('SIGTERM', leave)
  limitAnswer(answered.signal, late => stream.destroy(late))
  try {
    const ending = await conversation.converse(stream)
    if (refusal === undefined && ending === 'dismissed') refusal = new NotLetIn('the broker has ended the connection')
  } finally {
    answered.abort()
    process.off('SIGTERM', leave)
    display.close()
  }
  if (refusal !== undefined) throw refusal
}

function clientIdOf({ clientId }: Login): string {
  return clientId ?? `tap-${randomBytes(8).toString('hex')}`
}

/** With MQTT 5, what is retained from now on is told, too. */
function subscriptionsOf({ filters, qos }: TapRequest) {
  return filters.map(topicFilter => ({
    topicFilter,
    qos,
    noLocal: false,
    retainAsPublished: true,
    retainHandling: 0 as const,
  }))
}

function sourceOf({ target }: Login, { filters }: TapRequest): string {
  const place = 'path' in target ? target.path : `${target.host}:${target.port}`
  return escapeText(`${place}  ${filters.join(' ')}`, 120)
}

/** A line for each message. */
class Lines implements Display {
  readonly #io: Io
  readonly #stream: NodeJS.ReadableStream
  readonly #failed: () => void

  constructor(io: Io, stream: NodeJS.ReadableStream, leave: () => void) {
    this.#io = io
    this.#stream = stream
    // Whoever reads the pipe has seen enough: `castellan tap | head`.
    this.#failed = leave
    io.stdout.on('error', this.#failed)
  }

  take(message: Publish): void {
    if (this.#io.stdout.write(`${messageLine(message)}\n`)) return
    this.#stream.pause()
    this.#io.stdout.once('drain', () => this.#stream.resume())
  }

  close(): void {
    this.#io.stdout.off('error', this.#failed)
  }
}

/** The tree, five times a second. */
class Screen implements Display {
  readonly #tree = new TopicTree()
  readonly #view = new TapView()
  readonly #terminal: TapTerminal
  readonly #source: string
  readonly #io: Io
  readonly #over = new AbortController()
  #missed = 0

  constructor(io: Io, source: string, leave: () => void) {
    this.#io = io
    this.#source = source
    const pressed = (keys: string) => {
      this.#view.press(keys, this.#tree, treeHeight(this.#terminal.size))
      if (!this.#view.isPaused) this.#missed = 0
      if (this.#view.isOver) leave()
      else this.#draw()
    }
    this.#terminal = new TapTerminal(io, pressed, () => this.#draw())
    this.#draw()
    this.#run()
  }

  take(message: Publish): void {
    if (this.#view.isPaused) this.#missed += 1
    else this.#tree.take(message)
  }

  close(): void {
    this.#over.abort()
    this.#terminal.close()
  }

  async #run(): Promise<void> {
    const clock = systemClock()
    let last = clock.now()
    try {
      for await (const _ of every(frameMs, undefined, { signal: this.#over.signal })) {
        const now = clock.now()
        if (now - last >= tickMs && !this.#view.isPaused) {
          this.#tree.tick((now - last) / 1000)
          last = now
        }
        this.#draw()
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error
    }
  }

  #draw(): void {
    const status = { source: this.#source, missed: this.#missed }
    const { size } = this.#terminal
    this.#terminal.draw(screenLines(this.#tree, this.#view, status, size, paintFor(this.#io.stdout)))
  }
}
