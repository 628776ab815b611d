// Questions as shell scripts ask them: on standard output, answered line by line by a person or a pipe.

import { SecretInput, type SecretStream } from '../secret-input.ts'
import type { Io } from '../verbs.ts'

const maxAnswerBytes = 1024
const newline = 10

export class ScriptPrompt {
  readonly #io: Io
  readonly #lines: AsyncIterator<Buffer>

  constructor(io: Io) {
    this.#io = io
    this.#lines = io.stdin.isTTY ? keys(io.stdin) : singleLines(io.stdin)
  }

  /** What is typed can be seen. */
  async ask(question: string): Promise<string> {
    this.#io.stdout.write(question)
    // The terminal itself echoes and lets people correct a line; nothing has to be done here.
    return this.#read({ isTTY: false })
  }

  /** The answer, or what stands in brackets when there is none. */
  async askWithDefault(question: string, value: string): Promise<string> {
    return (await this.ask(`${question} [${value}]: `)) || value
  }

  async askSecret(question: string): Promise<string> {
    this.#io.stdout.write(question)
    const answer = await this.#read({ isTTY: this.#io.stdin.isTTY === true })
    this.#io.stdout.write('\n')
    return answer
  }

  /** Lets the process end. */
  close(): void {
    void this.#lines.return?.()
  }

  async #read({ isTTY }: { readonly isTTY: boolean }): Promise<string> {
    const lines = this.#lines
    const stream: SecretStream = {
      isTTY,
      setRawMode: raw => this.#io.stdin.setRawMode?.(raw),
      [Symbol.asyncIterator]: () => ({ next: () => lines.next() }),
    }
    const input = new SecretInput(stream)
    try {
      return (await input.readLine(maxAnswerBytes)).toString('utf8')
    } finally {
      await input.close()
    }
  }
}

async function* keys(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  for await (const chunk of stream) yield Buffer.from(chunk)
}

/** A pipe hands over many lines at once; each answer is to get one. */
async function* singleLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, Buffer.from(chunk)])
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      yield rest.subarray(0, end + 1)
      rest = rest.subarray(end + 1)
    }
    if (rest.length > maxAnswerBytes) break
  }
  if (rest.length > 0) yield rest
}
