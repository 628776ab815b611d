// Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr beside ours: the same arguments against the same broker. Ours run in
// this process, which is what lets hundreds of cases take seconds.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Readable, Writable } from 'node:stream'
import { main } from '../../src/cli/main.ts'
import type { Io } from '../../src/cli/verbs.ts'
import type { MosquittoTool } from '../support/clients.ts'

/** What a tool left behind. */
export interface Left {
  readonly code: number | null
  readonly stdout: string
  /** `silent`, `usage` for an error with a pointer to the help, or `error`. */
  readonly stderr: 'silent' | 'usage' | 'error'
  /** For messages of a failing test; never compared. */
  readonly words: string
}

export interface Call {
  readonly tool: MosquittoTool
  readonly args: readonly string[]
  readonly input?: string | Buffer | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

const limitMs = 15_000

/** Nobody's options file is read. */
const noHome = { HOME: '/nonexistent', XDG_CONFIG_HOME: '' }

export async function runDebian({ tool, args, input = '', env = {} }: Call): Promise<Left> {
  const { XDG_CONFIG_HOME: _, ...inherited } = process.env
  const child = spawn(`/usr/bin/${tool}`, args, { env: { ...inherited, HOME: noHome.HOME, ...env }, timeout: limitMs })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  child.stdin.on('error', () => {}) // one that ends early does not read its input
  child.stdin.end(input)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  return left(code, await stdout, await stderr)
}

/** One of ours under its old name. */
export function runOurs({ tool, ...call }: Call): Promise<Left> {
  return runHere(tool, call)
}

/** `castellan VERB`. */
export function runVerb(verb: string, args: readonly string[]): Promise<Left> {
  return runHere('castellan', { args: [verb, ...args] })
}

async function runHere(calledAs: string, { args, input = '', env = {} }: Omit<Call, 'tool'>): Promise<Left> {
  const [stdout, stderr] = [new Collector(), new Collector()]
  const stdin = Readable.from(input.length === 0 ? [] : [Buffer.from(input)], { objectMode: false })
  const io = { stdin, stdout, stderr, env: { ...noHome, ...env } } as unknown as Io
  const code = await main(calledAs, args, io)
  return left(code, stdout.text, stderr.text)
}

function left(code: number | null, stdout: string, words: string): Left {
  const stderr = words === '' ? 'silent' : /Use '.*--help' to see usage/.test(words) ? 'usage' : 'error'
  return { code, stdout: withoutIds(stdout), stderr, words }
}

/** What differs from one connection to the next: generated client ids. */
function withoutIds(text: string): string {
  return text.replaceAll(/\bmosq-\w{18}\b/g, '<generated id>').replaceAll(/\bauto-[0-9A-F-]{36}/g, '<assigned id>')
}

/** Fails with both sides' words where code, standard output or the class of standard error differ. */
export function assertSame(ours: Left, debian: Left, what: string): void {
  const { words: ourWords, ...ourPart } = ours
  const { words: debianWords, ...debianPart } = debian
  assert.deepEqual(ourPart, debianPart, `${what}\n  ours (actual): ${ourWords}  Debian's (expected): ${debianWords}`)
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

class Collector extends Writable {
  readonly #chunks: Buffer[] = []

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk)
    done()
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }
}
