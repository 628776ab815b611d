// Reads secrets line by line: from a terminal without showing them, or from a pipe.

export type SecretStream = AsyncIterable<Buffer | string> & {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

/** The person at the terminal pressed Ctrl-C. */
export class Interrupted extends Error {}

const [ctrlC, ctrlD, backspace, newline, carriageReturn, ctrlU, rubout] = [3, 4, 8, 10, 13, 21, 127]

/** From when it is made until it is closed, a terminal shows nothing of what is typed: make it before the first prompt. */
export class SecretInput {
  readonly #stream: SecretStream
  readonly #chunks: AsyncIterator<Buffer | string>
  /** Read, and not yet part of a line: both answers may arrive in one piece. */
  #unread: Buffer = Buffer.alloc(0)

  constructor(stream: SecretStream) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
    if (this.#isTerminal) stream.setRawMode?.(true)
  }

  /**
   * The next line, without its end; what there is when the input ends.
   *
   * @param limit most bytes taken; longer lines come out one byte longer than that
   * @throws {Interrupted}
   */
  async readLine(limit: number): Promise<Buffer> {
    return this.#isTerminal ? this.#readTyped(limit) : withoutCarriageReturn(await this.#readPiped(limit))
  }

  /** Everything up to the end, without one line end behind it; at a terminal, which has no end, one line. */
  async readAll(limit: number): Promise<Buffer> {
    if (this.#isTerminal) return this.#readTyped(limit)
    const parts = [this.#unread]
    for (let size = 0; size <= limit + 2; ) {
      const chunk = await this.#next()
      if (chunk === undefined) break
      parts.push(chunk)
      size += chunk.length
    }
    const all = Buffer.concat(parts)
    return withoutCarriageReturn(all.at(-1) === newline ? all.subarray(0, -1) : all)
  }

  /** Lets go of the stream, so that the process can end; a terminal shows again what is typed. */
  async close(): Promise<void> {
    if (this.#isTerminal) this.#stream.setRawMode?.(false)
    await this.#chunks.return?.()
  }

  get #isTerminal(): boolean {
    return this.#stream.isTTY === true
  }

  async #readPiped(limit: number): Promise<Buffer> {
    const line: number[] = []
    for await (const byte of this.#bytes()) {
      if (byte === newline || line.length > limit) break
      line.push(byte)
    }
    return Buffer.from(line)
  }

  /** A terminal in raw mode hands over keys: the few that edit a line are obeyed here, other control keys ignored. */
  async #readTyped(limit: number): Promise<Buffer> {
    let line: number[] = []
    for await (const byte of this.#bytes()) {
      if (byte === ctrlC) throw new Interrupted()
      if (byte === newline || byte === carriageReturn || byte === ctrlD || line.length > limit) break
      if (byte === ctrlU) line = []
      else if (byte === backspace || byte === rubout) line = withoutLastCharacter(line)
      else if (byte >= 0x20) line.push(byte)
    }
    return Buffer.from(line)
  }

  async *#bytes(): AsyncGenerator<number> {
    for (;;) {
      while (this.#unread.length > 0) {
        const byte = this.#unread[0]!
        this.#unread = this.#unread.subarray(1)
        yield byte
      }
      const chunk = await this.#next()
      if (chunk === undefined) return
      this.#unread = chunk
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const { value, done } = await this.#chunks.next()
    return done === true ? undefined : Buffer.from(value)
  }
}

function withoutCarriageReturn(line: Buffer): Buffer {
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line
}

/** UTF-8: the bytes behind a character's first one are 10xxxxxx. */
function withoutLastCharacter(line: readonly number[]): number[] {
  return line.slice(
    0,
    line.findLastIndex(byte => (byte & 0xc0) !== 0x80),
  )
}
