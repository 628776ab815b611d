import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import test from 'node:test'
import { Interrupted, SecretInput, type SecretStream } from './secret-input.ts'

/** A terminal on which somebody types, and what it was told about showing it. */
function terminal(...typed: readonly (string | Buffer)[]): SecretStream & { readonly modes: boolean[] } {
  const stream = Readable.from(typed.map(piece => Buffer.from(piece)))
  const modes: boolean[] = []
  return Object.assign(stream, { isTTY: true, modes, setRawMode: (raw: boolean) => modes.push(raw) })
}

const pipe = (...pieces: readonly string[]) => Readable.from(pieces.map(piece => Buffer.from(piece)))
const typed = async (keys: string) => (await new SecretInput(terminal(keys)).readLine(100)).toString()

test('features B4: a terminal shows nothing from before the prompt on, and everything again at the end', async () => {
  const stream = terminal('sec', 'ret\ragain\r')
  const input = new SecretInput(stream)
  assert.deepEqual(stream.modes, [true])
  assert.equal((await input.readLine(100)).toString(), 'secret')
  assert.equal((await input.readAll(100)).toString(), 'again')
  assert.deepEqual(stream.modes, [true])
  await input.close()
  assert.deepEqual(stream.modes, [true, false])
})

const keys: readonly (readonly [what: string, keys: string, line: string])[] = [
  ['Backspace takes a character back', 'ab\u007fc\r', 'ac'],
  ['Backspace takes a whole character of several bytes', 'a✓\u007fc\r', 'ac'],
  ['Backspace on nothing', '\u007f\bx\r', 'x'],
  ['Ctrl-U takes everything back', 'abc\u0015d\r', 'd'],
  ['Ctrl-D ends the line', 'ab\u0004', 'ab'],
  ['other control keys are ignored', 'a\tb\u0001c\n', 'abc'],
]

for (const [what, pressed, line] of keys) {
  test(`features B4: at a terminal ${what}`, async () => assert.equal(await typed(pressed), line))
}

test('features B4: Ctrl-C at a terminal gives up', async () => {
  await assert.rejects(new SecretInput(terminal('sec\u0003')).readLine(100), Interrupted)
})

test('features B4: lines come from a pipe in whatever pieces', async () => {
  const input = new SecretInput(pipe('one\r\ntw', 'o\nthree'))
  const lines = []
  for (let count = 0; count < 4; count += 1) lines.push((await input.readLine(100)).toString())
  assert.deepEqual(lines, ['one', 'two', 'three', ''])
})

test('a line and an input without end are cut off just beyond the limit', async () => {
  assert.equal((await new SecretInput(pipe('a'.repeat(1000))).readLine(10)).length, 11)
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(100, 'a')
    })(),
  )
  const all = await new SecretInput(endless).readAll(10)
  assert.ok(all.length > 10 && all.length <= 100)
})

test('features B4: all of an input is read up to its end, less one line end', async () => {
  assert.equal((await new SecretInput(pipe('a\nb', '\n')).readAll(100)).toString(), 'a\nb')
  assert.equal((await new SecretInput(pipe('a\r\n')).readAll(100)).toString(), 'a')
  assert.equal((await new SecretInput(pipe('a\n\n')).readAll(100)).toString(), 'a\n')
})
