// Debian's mosquitto_sub and mosquitto_pub as a client of the matrix: one process is one connection.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { runTool, startTool } from '../support/clients.ts'
import type { LineProcess } from '../support/line-process.ts'
import type { Version } from '../support/packet-bytes.ts'
import type { Delivery, MatrixClient, PublishRequest, SubscribeRequest, Subscriber, Target } from './matrix.ts'

export const versionWords: Readonly<Record<Version, string>> = { 3: 'mqttv31', 4: 'mqttv311', 5: 'mqttv5' }

export const mosquittoClient: MatrixClient = {
  name: "Debian's mosquitto clients",
  subscribe,
  publish,
}

/** The arguments that say where to connect, and how. */
export function connectArguments({ port, version, tls }: Target): string[] {
  const secure = tls === undefined ? [] : ['--cafile', tls.cafile, '--cert', tls.cert, '--key', tls.key]
  return ['-h', '127.0.0.1', '-p', String(port), '-V', versionWords[version], ...secure]
}

async function subscribe(t: TestContext, target: Target, request: SubscribeRequest): Promise<Subscriber> {
  const { clientId, filters, qos, lasting, will } = request
  const args = [
    ...connectArguments(target),
    '-i',
    clientId,
    '-q',
    String(qos),
    ...filters.flatMap(each => ['-t', each]),
  ]
  args.push('-d', '-F', 'MESSAGE\t%t\t%q\t%r\t%p')
  if (lasting) args.push('-c')
  if (will) {
    const { topic, payload, retain } = will
    args.push('--will-topic', topic, '--will-payload', payload, '--will-qos', String(will.qos))
    if (retain) args.push('--will-retain')
    args.push('-C', '1')
  }
  const program = startTool(t, 'mosquitto_sub', args)
  const granted = filters.map(() => qos).join(', ')
  const [line] = await program.waitForLine(/^Subscribed \(mid: \d+\): .*/)
  assert(line.endsWith(`: ${granted}`), `${line}, expected ${granted}`)
  const farewell = { topic: filters[0]!, payloads: ['farewell'], qos }
  return new ToolSubscriber(program, will && (() => publish(t, target, farewell)))
}

/** Reads the lines that `-F` makes: tab-separated, the payload last. */
class ToolSubscriber implements Subscriber {
  readonly sessionPresent = undefined
  readonly #program: LineProcess
  // At a signal the tool with a will asks the broker to publish it; the end of its count (`-C`) is the polite way out.
  readonly #sayFarewell: (() => Promise<void>) | undefined
  #read = 0

  constructor(program: LineProcess, sayFarewell: (() => Promise<void>) | undefined) {
    this.#program = program
    this.#sayFarewell = sayFarewell
  }

  async next(): Promise<Delivery> {
    const [line] = await this.#program.waitForLine(/^MESSAGE\t.*/, this.#read)
    this.#read = this.#program.lines.indexOf(line, this.#read) + 1
    const [, topic = '', qos, retain, ...payload] = line.split('\t')
    return { topic, payload: payload.join('\t'), qos: Number(qos), retain: retain === '1' }
  }

  async end(): Promise<void> {
    await this.#sayFarewell?.()
    assert.equal((await (this.#sayFarewell ? this.#program.exit() : this.#program.stop())).code, 0)
  }

  async breakOff(): Promise<void> {
    await this.#program.kill()
  }
}

async function publish(t: TestContext, target: Target, request: PublishRequest): Promise<void> {
  const { topic, payloads, qos, retain } = request
  const args = [...connectArguments(target), '-t', topic, '-q', String(qos), ...(retain ? ['-r'] : [])]
  const lines = payloads.map(payload => `${payload}\n`).join('')
  const { code, stderr } = await runTool(
    t,
    'mosquitto_pub',
    payloads[0] === '' ? [...args, '-n'] : [...args, '-l'],
    lines,
  )
  assert.equal(code, 0, stderr.join('\n'))
}
