// Prints messages as `castellan sub` and `rr` were asked to: the payload alone, with its topic, in a format, or each topic on a
// line of its own. On a terminal, what a message holds cannot steer it.

import { randomInt } from 'node:crypto'
import type { Writable } from 'node:stream'
import { systemClock, wallClock } from '../../base/clock.ts'
import type { Publish } from '../../mqtt/packet.ts'
import { type Complain, compileFormat, type Format, type Guard } from './message-format.ts'
import type { ClientOptions } from './options.ts'
import { type Bytes, bytesOf, type ReceivedMessage } from './received-message.ts'

type Wishes = Pick<
  ClientOptions,
  'format' | 'noLineEnd' | 'pretty' | 'randomPercent' | 'rawTerminal' | 'verbose' | 'watch'
>

const randomSteps = 10_000

export class MessagePrinter {
  readonly #out: Writable
  readonly #format: Format
  readonly #steps: number
  readonly #now = preciseTime()
  /** Lines on the screen, by topic. */
  readonly #lines: Map<Bytes, number> | undefined

  /** @param broker what `--watch` shows at the top */
  constructor(wishes: Wishes, out: Writable & { readonly isTTY?: boolean }, broker: string, complain: Complain) {
    this.#out = out
    const guard = out.isTTY === true && !wishes.rawTerminal ? tame : asIs
    this.#format = formatOf(wishes, guard, complain)
    this.#steps = Math.floor(((wishes.randomPercent ?? 100) * randomSteps) / 100)
    if (wishes.watch) {
      this.#lines = new Map()
      this.#write(`\u001b[2J\u001b[1;1HBroker: ${bytesOf(broker)}\n`)
    }
  }

  print({ topicName, payload, qos, retain, packetId, properties }: Publish): void {
    if (this.#steps < randomSteps && randomInt(randomSteps) >= this.#steps) return
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('latin1')
    const topic = bytesOf(topicName)
    this.#place(topic)
    this.#write(this.#format({ topic, payload: bytes, qos, retain, packetId, properties, time: this.#now() }))
    if (this.#lines) this.#write(`\u001b[${this.#lines.size + 1};1H\n`)
  }

  /** Below the broker's line each topic has its own. */
  #place(topic: Bytes): void {
    if (this.#lines === undefined) return
    const line = this.#lines.get(topic) ?? this.#lines.size + 2
    this.#lines.set(topic, line)
    this.#write(`\u001b[${line};1H`)
  }

  #write(bytes: Bytes): void {
    if (bytes !== '') this.#out.write(bytes, 'latin1')
  }
}

function formatOf({ format, noLineEnd, pretty, verbose }: Wishes, guard: Guard, complain: Complain): Format {
  const end = noLineEnd ? '' : '\n'
  if (format !== undefined) {
    const print = compileFormat(format, pretty === true, guard, complain)
    return message => print(message) + end
  }
  if (verbose) return message => verboseLine(message, guard, end)
  return ({ payload }) => (payload === '' ? '' : guard(payload) + end)
}

/** Without a line end, Mosquitto says nothing of an empty message. */
function verboseLine({ topic, payload }: ReceivedMessage, guard: Guard, end: string): Bytes {
  if (payload !== '') return `${guard(topic)} ${guard(payload)}${end}`
  return end === '' ? '' : `${guard(topic)} (null)${end}`
}

function asIs(bytes: Bytes): Bytes {
  return bytes
}

/** Line ends and tabs stay; every other character that controls a terminal, or hides, is shown by its number. */
function tame(bytes: Bytes): Bytes {
  const text = Buffer.from(bytes, 'latin1').toString()
  const tamed = text.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, character => {
    const code = character.codePointAt(0) as number
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
  return bytesOf(tamed)
}

/** Milliseconds by which the fine clock may be off before it is set again. */
const mostDrift = 2

/** Nanoseconds since the epoch, in the steps of the fine clock, kept to the machine's time of day. */
function preciseTime(): () => bigint {
  const clock = systemClock()
  let offset = 0
  return () => {
    const fine = clock.now()
    const drift = wallClock() - fine
    if (Math.abs(drift - offset) > mostDrift) offset = drift
    return BigInt(Math.round((fine + offset) * 1_000_000))
  }
}
