import assert from 'node:assert/strict'
import test from 'node:test'
import { commandsLine, type FileMark, fileLine, readLog } from './change-record.ts'

const mark: FileMark = { digest: 'ab'.repeat(32), holds: 7 }
const create = (username: string) => ({ command: 'createClient', username })
const lines = [fileLine(mark), commandsLine(7, [create('a'), create('b')]), commandsLine(9, [create('ü\n')])] as const
const whole = Buffer.concat(lines)

test('dynsec 2: a log says which file it follows, and has the commands in their order', () => {
  assert.deepEqual(readLog(whole, 'f'), {
    files: [mark],
    from: 7,
    commands: [create('a'), create('b'), create('ü\n')],
    wholeBytes: whole.length,
    tornBytes: 0,
  })
  assert.deepEqual(readLog(Buffer.alloc(0), 'f').commands, [])
})

test('dynsec 2: a line is its checksum and JSON', () => {
  assert.equal(String(commandsLine(0, [])), '9ef4823e {"from":0,"commands":[]}\n')
})

test('dynsec 2: wherever a kill cuts the last line, it is left out and those before it are there', () => {
  const before = lines[0].length + lines[1].length
  for (let length = before; length < whole.length; length++) {
    const { commands, wholeBytes, tornBytes } = readLog(whole.subarray(0, length), 'f')
    assert.deepEqual([commands.length, wholeBytes, tornBytes], [2, before, length - before])
  }
  const holed = Buffer.from(whole).fill(0, before + 4, before + 20)
  assert.equal(readLog(holed, 'f').commands.length, 2)
})

test('dynsec 2: damage before a line that is whole is refused, whichever byte it is', () => {
  for (let at = 0; at < lines[0].length + lines[1].length; at++) {
    const damaged = Buffer.from(whole)
    damaged[at] = (damaged[at] ?? 0) ^ 0x10
    assert.throws(() => readLog(damaged, 'f'), {
      code: 'ERR_DYNSEC_FILE',
      message: /"f" cannot be used: it is damaged at byte \d+/,
    })
  }
})

test('dynsec 2: a line that is missing is refused', () => {
  const gap = Buffer.concat([lines[0], lines[1], commandsLine(10, [create('c')])])
  assert.throws(() => readLog(gap, 'f'), /it is damaged at byte/)
  const twice = Buffer.concat([lines[0], lines[1], lines[1]])
  assert.throws(() => readLog(twice, 'f'), /it is damaged at byte/)
})
