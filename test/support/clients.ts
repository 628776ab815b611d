// The clients that other people wrote: Debian's mosquitto tools, python3-paho-mqtt behind JSON lines, and MQTT.js.

import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { type LineProcess, startProgram } from './line-process.ts'

export type MosquittoTool = 'mosquitto_pub' | 'mosquitto_sub' | 'mosquitto_rr'

/**
 * Starts one of Debian's tools; `exit()` waits for its end, `waitForLine()` for what it prints. Into a pipe the tools
 * print in blocks: `stdbuf` has them print each line at once.
 */
export function startTool(t: TestContext, tool: MosquittoTool, args: readonly string[], cwd?: string): LineProcess {
  return startProgram(t, 'stdbuf', ['-oL', `/usr/bin/${tool}`, ...args], cwd === undefined ? {} : { cwd })
}

/** What a tool that ran to its end left behind. */
export interface ToolResult {
  readonly code: number | null
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
}

/** Runs one of Debian's tools to its end, with `input` on its standard input. */
export async function runTool(
  t: TestContext,
  tool: MosquittoTool,
  args: readonly string[],
  input = '',
): Promise<ToolResult> {
  const program = startTool(t, tool, args)
  program.write(input, true)
  const { code } = await program.exit()
  return { code, stdout: program.stdout, stderr: program.stderr }
}

/**
 * Starts `mosquitto_sub` and waits until the broker has granted its subscription, so that what is published next must
 * arrive. `args` must not hold `-d`: it is added, because the tool tells of the grant only then.
 */
export async function startSubscriber(t: TestContext, args: readonly string[]): Promise<LineProcess> {
  const subscriber = startTool(t, 'mosquitto_sub', ['-d', ...args])
  await subscriber.waitForLine(/^Subscribed \(mid: \d+\)/)
  return subscriber
}

/** MQTT.js, connected; the test's end closes it. */
export async function connectMqttJs(t: TestContext, url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options }, false)
  t.after(() => client.endAsync(true))
  return client
}

/** What the driver in paho_client.py was told to do; see the file's head for each command's fields. */
export type PahoCommand = { readonly do: string } & Readonly<Record<string, unknown>>
export type PahoEvent = { readonly event: string } & Readonly<Record<string, unknown>>

/** Debian's python3-paho-mqtt, driven step by step. */
export class PahoClient {
  readonly #program: LineProcess
  #read = 0
  constructor(t: Pick<TestContext, 'after'>) {
    this.#program = startProgram(t, '/usr/bin/python3', ['-u', join(import.meta.dirname, 'paho_client.py')])
  }

  tell(command: PahoCommand): void {
    this.#program.write(`${JSON.stringify(command)}\n`)
  }

  /** Waits for the next event of this name, passing over others that came before it. */
  async waitFor(event: string): Promise<PahoEvent> {
    const [line] = await this.#program.waitForLine(new RegExp(`^{"event": "${event}".*`), this.#read)
    this.#read = this.#program.lines.indexOf(line, this.#read) + 1
    return JSON.parse(line)
  }
}
