// A program on a terminal of its own (`script` of util-linux makes one): what is typed into it, and what it shows.

import { type ChildProcess, spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { stripVTControlCharacters } from 'node:util'

const waitLimitMs = 20_000

export class Terminal {
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #shown = ''
  #seen = 0
  #wake: () => void = () => {}

  /** @param command for a shell */
  constructor(t: Pick<TestContext, 'after'>, command: string, env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm', COLUMNS: '200', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text
      this.#wake()
    })
    const ended = Promise.withResolvers<number | null>()
    this.#child.once('close', code => {
      ended.resolve(code)
      this.#wake()
    })
    this.#ended = ended.promise
    t.after(async () => {
      this.#child.kill('SIGKILL')
      await this.#ended
    })
  }

  /** All that was shown until now, without what moves the cursor. */
  get shown(): string {
    return stripVTControlCharacters(withoutHalfSequence(this.#shown)).replaceAll('\r', '')
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /**
   * Waits until something is shown, behind what was waited for before.
   *
   * @throws Error with all that was shown, when it does not come in time or the program ends
   */
  async expect(pattern: RegExp): Promise<void> {
    const signal = AbortSignal.timeout(waitLimitMs)
    for (;;) {
      const match = pattern.exec(this.shown.slice(this.#seen))
      if (match !== null) {
        this.#seen += match.index + match[0].length
        return
      }
      if (signal.aborted || this.#child.exitCode !== null) {
        throw new Error(
          `${pattern} was not shown behind ${JSON.stringify(this.shown.slice(0, this.#seen))}, but ${JSON.stringify(this.shown.slice(this.#seen))}`,
        )
      }
      await this.#change(signal)
    }
  }

  /** @returns the program's exit code */
  end(): Promise<number | null> {
    return this.#ended
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}

/** Of what moves the cursor the end may still be on its way. */
function withoutHalfSequence(text: string): string {
  const start = text.lastIndexOf('\u001b')
  return start === -1 || /[A-Za-z]/.test(text.slice(start)) ? text : text.slice(0, start)
}
