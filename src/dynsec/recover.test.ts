import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { commandsLine, fileLine } from './change-record.ts'
import { isFirstStart, logPath, recover } from './recover.ts'

const file = '{"changeIndex":5,"clients":[{"username":"old"}]}'
const mark = { digest: createHash('sha256').update(file).digest('hex'), holds: 5 }
const create = (username: string) => ({ command: 'createClient', username })

/** @param log the lines beside the file */
function start(t: TestContext, log: readonly Buffer[], content: string | undefined = file): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-dynsec-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'f.json')
  if (content !== undefined) writeFileSync(path, content, { mode: 0o600 })
  writeFileSync(logPath(path), Buffer.concat(log), { mode: 0o600 })
  return path
}

function names(path: string): string[] {
  return recover(path)
    .state.clients.values()
    .map(({ name }) => name)
}

test('dynsec 2: what the log has and the file has not is carried out again', t => {
  const path = start(t, [fileLine(mark), commandsLine(5, [create('a')]), commandsLine(6, [create('b')])])
  const { commands, warnings, state } = recover(path)
  assert.deepEqual([commands, warnings, state.changeIndex], [[create('a'), create('b')], [], 7])
  assert.deepEqual(names(path), ['a', 'b', 'old'])
})

test('dynsec 2: a file that was written since holds some of it, or more than was ever logged', t => {
  const lines = [fileLine({ digest: 'x', holds: 3 }), commandsLine(3, [create('x'), create('y'), create('z')])]
  const path = start(t, [...lines, fileLine(mark)])
  assert.deepEqual(names(path), ['old', 'z'])
  const ahead = start(t, [fileLine({ digest: 'x', holds: 3 }), commandsLine(3, [create('x')]), fileLine(mark)])
  assert.deepEqual(recover(ahead).commands, [])
  assert.deepEqual(names(ahead), ['old'])
})

test('dynsec 2: a change that was not answered is left out, which is said', t => {
  const whole = commandsLine(5, [create('a')])
  const path = start(t, [fileLine(mark), whole, commandsLine(6, [create('b')]).subarray(0, 20)])
  const { warnings, logBytes } = recover(path)
  assert.match(warnings[0] ?? '', /f\.json\.changes ends with 20 bytes of a change that nobody was told of/)
  assert.equal(logBytes, fileLine(mark).length + whole.length)
  assert.deepEqual(names(path), ['a', 'old'])
})

const refused: readonly (readonly [sentence: string, content: string, log: readonly Buffer[], message: RegExp])[] = [
  [
    'of an earlier state',
    file.replace('5', '4'),
    [fileLine(mark), commandsLine(5, [create('a')])],
    /another state of it/,
  ],
  ['of a later state', file.replace('5', '6'), [fileLine(mark), commandsLine(5, [create('a')])], /another state of it/],
  ['that lacks what was logged before', file, [commandsLine(6, [create('a')]), fileLine(mark)], /another state of it/],
  ['that nobody has marked', file, [commandsLine(5, [create('a')])], /has 1 changes that follow another state of it/],
  [
    'with a damaged log',
    file,
    [fileLine(mark), Buffer.from('x\n'), commandsLine(5, [create('a')])],
    /f\.json\.changes" cannot be used: it is damaged at byte \d+/,
  ],
]

for (const [sentence, content, log, message] of refused) {
  test(`dynsec 2: a file ${sentence} is refused, and nothing is dropped in silence`, t => {
    const path = start(t, log, content)
    assert.throws(() => recover(path), { code: 'ERR_DYNSEC_FILE', message })
  })
}

test('dynsec 2: without a file it is the first start, unless changes are left of one', t => {
  assert.equal(isFirstStart(start(t, [])), false)
  const gone = (log: readonly Buffer[]) => {
    const path = start(t, log)
    rmSync(path)
    return path
  }
  assert.equal(isFirstStart(gone([fileLine(mark)])), true)
  assert.throws(
    () => isFirstStart(gone([commandsLine(5, [create('a')])])),
    /it is not there, and .*\.changes has 1 changes/,
  )
})
