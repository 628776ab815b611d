// What is typed into the shell of `castellan ctl`: lines and passwords, from a terminal, where lines can be edited, completed and
// asked for again and passwords are not shown; or from a pipe, line by line.

import { type AsyncCompleter, createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { Interrupted } from '../secret-input.ts'
import type { Io } from '../verbs.ts'
import type { SecretSource } from './prompts.ts'
import { mayHoldSecret } from './shell-words.ts'

/** Lines that may be asked for again with the arrow keys; they are written nowhere. */
const historyLines = 500
/** Lines of a pipe that are read ahead of the command that is under way. */
const mostLinesAhead = 1000

export class ShellInput implements SecretSource {
  readonly isTerminal: boolean
  readonly #screen: Screen
  readonly #stderr: Io['stderr']
  readonly #readline: Interface
  readonly #lines: string[] = []
  #waiting: PromiseWithResolvers<string | undefined> | undefined = undefined
  #isEnded = false

  /** @param complete what Tab offers for a line */
  constructor({ stdin, stderr }: Io, complete: (line: string) => Promise<[string[], string]>) {
    this.isTerminal = stdin.isTTY === true && stderr.isTTY === true
    this.#screen = new Screen(stderr)
    this.#stderr = stderr
    const completer: AsyncCompleter = (line, done) => {
      if (this.#screen.isMuted) done(null, [[], line])
      else void complete(line).then(offer => done(null, offer))
    }
    const editing = {
      output: this.#screen,
      terminal: true,
      completer,
      historySize: historyLines,
      removeHistoryDuplicates: true,
    }
    this.#readline = createInterface(this.isTerminal ? { input: stdin, ...editing } : { input: stdin, terminal: false })
    this.#readline.on('line', line => this.#take(line))
    this.#readline.on('history', history => this.#forgetSecrets(history))
    this.#readline.on('SIGINT', () => this.#interrupt())
    this.#readline.on('close', () => this.#end())
  }

  /**
   * @param prompt shown at a terminal alone
   * @returns undefined when the input has ended
   * @throws {Interrupted} for Ctrl-C, as a rejection
   */
  line(prompt: string): Promise<string | undefined> {
    const next = this.#next()
    if (this.isTerminal && this.#waiting !== undefined) {
      this.#screen.isMuted = false
      this.#readline.setPrompt(prompt)
      this.#readline.prompt()
    }
    return next
  }

  /** @throws {Interrupted} for Ctrl-C, as a rejection */
  async secret(label: string): Promise<string> {
    this.#stderr.write(label)
    this.#readline.setPrompt('')
    try {
      return (await this.#next()) ?? ''
    } finally {
      this.#stderr.write('\n')
    }
  }

  say(line: string): void {
    this.#stderr.write(`${line}\n`)
  }

  /** Lets go of standard input; a terminal shows again what is typed. */
  close(): void {
    if (!this.#isEnded) this.#readline.close()
  }

  #next(): Promise<string | undefined> {
    const line = this.#lines.shift()
    if (line !== undefined || this.#isEnded) return Promise.resolve(line)
    this.#readline.resume()
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  /** Until the next line is asked for nothing is shown of what is typed: it may be a password that is asked for by then. */
  #take(line: string): void {
    this.#screen.isMuted = true
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) {
      waiting.resolve(line)
      return
    }
    this.#lines.push(line)
    if (!this.isTerminal && this.#lines.length >= mostLinesAhead) this.#readline.pause()
  }

  /** Called before `#take` with the line in front. */
  #forgetSecrets(history: string[]): void {
    if (this.#screen.isMuted || mayHoldSecret(history[0] ?? '')) history.shift()
  }

  /** Ends what is being typed; while the broker is asked, the shell. */
  #interrupt(): void {
    const waiting = this.#waiting
    if (waiting === undefined) {
      this.close()
      return
    }
    if (!this.#screen.isMuted) this.#stderr.write('\n')
    this.#screen.isMuted = true
    this.#waiting = undefined
    this.#readline.write(null, { ctrl: true, name: 'e' })
    this.#readline.write(null, { ctrl: true, name: 'u' })
    waiting.reject(new Interrupted())
  }

  #end(): void {
    this.#isEnded = true
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(undefined)
  }
}

/** The terminal as lines are edited on it; muted, nothing of that is seen. */
class Screen extends Writable {
  isMuted = true
  readonly #terminal: Io['stderr']

  constructor(terminal: Io['stderr']) {
    super({ decodeStrings: false })
    this.#terminal = terminal
    terminal.on('resize', () => this.emit('resize'))
  }

  /** As readline asks for it; undefined for what is no terminal. */
  get columns(): number | undefined {
    return this.#terminal.columns
  }

  override _write(chunk: string | Uint8Array, _encoding: string, done: () => void): void {
    if (!this.isMuted) this.#terminal.write(chunk)
    done()
  }
}
