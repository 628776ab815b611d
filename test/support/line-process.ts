// A child program whose output is read line by line: waiting for a line is how tests know that something happened.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

const waitLimitMs = 15_000
const stopLimitMs = 10_000

export interface ProgramExit {
  /** `null` when a signal ended the program. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Starts a program that the test's end kills if it still runs. */
export function startProgram(
  t: Pick<TestContext, 'after'>,
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): LineProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const program = new LineProcess(child, `${command} ${args.join(' ')}`)
  t.after(() => program.kill())
  return program
}

/** Runs a program to its end, with `input` on its standard input. */
export async function runProgram(
  t: Pick<TestContext, 'after'>,
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly input?: string } = {},
): Promise<LineProcess> {
  const program = startProgram(t, command, args, options)
  program.write(options.input ?? '', true)
  await program.exit()
  return program
}

/** A running child; made by {@link startProgram}. */
export class LineProcess {
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  /** Both streams, in the order in which lines arrived. */
  readonly lines: string[] = []
  readonly child: ChildProcess
  readonly title: string
  readonly #exited: Promise<ProgramExit>
  #ended: ProgramExit | undefined
  #toldToEnd = false
  #wake: (() => void)[] = []

  constructor(child: ChildProcess, title: string) {
    this.child = child
    this.title = title
    this.#collect(child.stdout!, this.stdout)
    this.#collect(child.stderr!, this.stderr)
    child.stdin!.on('error', () => {}) // a program that ends early does not read its input
    this.#exited = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => {
        this.#ended = { code, signal }
        resolve(this.#ended)
        this.#wakeAll()
      })
    })
    this.#exited.catch(() => this.#wakeAll())
  }

  get ended(): ProgramExit | undefined {
    return this.#ended
  }

  /** It ended, and nobody here told it to. */
  get diedByItself(): boolean {
    return this.#ended !== undefined && !this.#toldToEnd
  }

  /** Writes to standard input; `end` closes it. */
  write(text: string, end = false): void {
    if (end) this.child.stdin!.end(text)
    else this.child.stdin!.write(text)
  }

  /**
   * Waits for a line, among those from index `from` on of {@link lines}: pass `lines.length` for one yet to come.
   *
   * @throws Error with the program's last lines, when it ends or the limit passes first
   */
  async waitForLine(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const deadline = performance.now() + waitLimitMs
    for (;;) {
      for (const line of this.lines.slice(from)) {
        const match = pattern.exec(line)
        if (match) return match
      }
      if (this.#ended) throw new Error(`${this.title} ended before it printed ${pattern}${this.report()}`)
      if (performance.now() >= deadline)
        throw new Error(`${this.title} did not print ${pattern} in time${this.report()}`)
      await this.#change(deadline)
    }
  }

  /** Waits for the end of the program. */
  async exit(): Promise<ProgramExit> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), waitLimitMs)
    try {
      return await this.#exited
    } finally {
      clearTimeout(timer)
    }
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#ended) return
    if (signal === 'SIGTERM' || signal === 'SIGINT' || signal === 'SIGKILL') this.#toldToEnd = true
    this.child.kill(signal)
  }

  /** Waits for an end that the program comes to by itself, and that the test wants. */
  expectEnd(): Promise<ProgramExit> {
    this.#toldToEnd = true
    return this.exit()
  }

  /** SIGTERM, and SIGKILL for one that does not obey in time. */
  async stop(): Promise<ProgramExit> {
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), stopLimitMs)
    try {
      return await this.#exited
    } finally {
      clearTimeout(timer)
    }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited.catch(() => {})
  }

  /** What the program printed last, for the text of an error. */
  report(): string {
    const end = this.#ended ? `\n  ended with ${this.#ended.signal ?? `exit code ${this.#ended.code}`}` : ''
    return `${end}\n  ${this.lines.slice(-30).join('\n  ') || 'it printed nothing'}`
  }

  #collect(stream: NodeJS.ReadableStream, into: string[]): void {
    createInterface({ input: stream }).on('line', line => {
      into.push(line)
      this.lines.push(line)
      this.#wakeAll()
    })
  }

  #change(deadline: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()))
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }
}
