// A terminal for a while: its other screen, keys as they are pressed, and everything as it was afterwards.

import { styleText } from 'node:util'
import type { Io } from '../verbs.ts'
import type { Paint, ScreenSize } from './screen.ts'

/** The other screen, without a cursor and without lines that go on by themselves; and back. */
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'

export class TapTerminal {
  readonly #io: Io
  readonly #onKeys: (data: Buffer | string) => void
  readonly #onResize: () => void
  #shown: string | undefined

  /** @param pressed is called with what the terminal sends for keys, `changed` when the size is another one */
  constructor(io: Io, pressed: (keys: string) => void, changed: () => void) {
    this.#io = io
    this.#onKeys = data => pressed(data.toString())
    this.#onResize = () => {
      this.#shown = undefined
      changed()
    }
    io.stdin.setRawMode(true)
    io.stdin.on('data', this.#onKeys)
    io.stdout.on('resize', this.#onResize)
    io.stdin.resume()
    io.stdout.write(enter)
  }

  /** Of a terminal that does not tell, the usual one. */
  get size(): ScreenSize {
    const { columns, rows } = this.#io.stdout
    const { COLUMNS, LINES } = this.#io.env
    return { columns: columns || Number(COLUMNS) || 80, rows: rows || Number(LINES) || 24 }
  }

  /** Shows these lines, unless they are what is shown. */
  draw(lines: readonly string[]): void {
    const picture = lines.map(line => `${line}\x1b[K`).join('\r\n')
    if (picture === this.#shown) return
    this.#shown = picture
    this.#io.stdout.write(`\x1b[H${picture}\x1b[J`)
  }

  close(): void {
    this.#io.stdout.write(leave)
    this.#io.stdin.off('data', this.#onKeys)
    this.#io.stdout.off('resize', this.#onResize)
    this.#io.stdin.setRawMode(false)
    this.#io.stdin.pause()
  }
}

/** Colours where this terminal has them and NO_COLOR does not ask for none. */
export function paintFor(stream: Io['stdout']): Paint {
  return {
    title: text => styleText('bold', text, { stream }),
    chosen: text => styleText('inverse', text, { stream }),
    faint: text => styleText('dim', text, { stream }),
  }
}
