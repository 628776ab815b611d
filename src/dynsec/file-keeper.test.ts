import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { Log } from '../base/log.ts'
import type { LoggedCommand } from './change-record.ts'
import { FileKeeper } from './file-keeper.ts'
import { fileText } from './file-text.ts'
import { identityNow } from './file-writer.ts'
import { redo } from './logged-command.ts'
import { logPath, recover } from './recover.ts'
import type { SecurityState } from './state.ts'

interface FileContent {
  changeIndex: number
  clients: { username: string; textname?: string }[]
}

const create = (username: string, more: object = {}): LoggedCommand => ({ command: 'createClient', username, ...more })

/** A file at change 5 with one client, and what keeps it. */
class Kept {
  readonly path: string
  readonly lines: string[] = []
  readonly keeper: FileKeeper
  readonly #log: Log = { enabled: () => true, write: (type, line) => void this.lines.push(`${type}: ${line}`) }
  #state: SecurityState
  edits = 0

  constructor(t: TestContext) {
    const directory = mkdtempSync(join(tmpdir(), 'castellan-dynsec-'))
    t.after(async () => {
      await this.keeper.close().catch(() => {})
      rmSync(directory, { recursive: true })
    })
    this.path = join(directory, 'f.json')
    writeFileSync(this.path, '{"changeIndex":5,"clients":[{"username":"old"}]}', { mode: 0o600 })
    const recovered = recover(this.path)
    this.#state = recovered.state
    this.keeper = new FileKeeper(
      { path: this.path, log: this.#log, state: () => this.#state, edited: () => this.takeIn() },
      recovered,
      identityNow(this.path),
    )
  }

  static async open(t: TestContext): Promise<Kept> {
    const kept = new Kept(t)
    await kept.keeper.open(recover(kept.path))
    return kept
  }

  /** Carries out commands; resolves when they are safe. */
  do(...commands: readonly LoggedCommand[]): Promise<void> {
    assert.deepEqual(redo(this.#state, commands), [])
    return this.keeper.save(commands)
  }

  takeIn(): void {
    this.edits++
    const file = this.keeper.adopt(this.keeper.read())
    if (file === undefined) return
    this.lines.push(...file.warnings)
    this.#state = file.state
  }

  get file(): FileContent {
    return JSON.parse(readFileSync(this.path, 'utf8'))
  }

  /** As somebody else changes it. */
  edit(change: (file: FileContent) => void): void {
    const { file } = this
    change(file)
    writeFileSync(this.path, JSON.stringify(file))
  }

  get now(): string {
    return [...fileText(this.#state)].join('')
  }

  /** What a start would find if the broker was killed now. */
  get found(): string {
    return [...fileText(recover(this.path).state)].join('')
  }
}

const names = ({ clients }: FileContent) => clients.map(({ username }) => username)

test('dynsec 2: a change is in the log when it is answered, and in the file when that is written next', async t => {
  const kept = await Kept.open(t)
  const before = kept.file
  await kept.do(create('a'), create('b'))
  assert.deepEqual(kept.file, before)
  assert.equal(kept.found, kept.now)
  assert.equal(kept.keeper.isFolded, false)
  await kept.keeper.fold()
  assert.deepEqual(names(kept.file), ['a', 'b', 'old'])
  assert.equal(kept.file.changeIndex, 7)
  assert.deepEqual(recover(kept.path).commands, [])
  assert.equal(kept.keeper.isFolded, true)
})

test('dynsec 2: whatever is answered while a file is written is found after a kill, before, between and behind', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  const folding = kept.keeper.fold()
  let isWritten = false
  const written = folding.then(() => {
    isWritten = true
  })
  for (let i = 0; !isWritten; i++) {
    await kept.do(create(`c${i}`))
    assert.equal(kept.found, kept.now)
  }
  await written
  assert.equal(kept.found, kept.now)
  await kept.do({ command: 'deleteClient', username: 'a' })
  assert.equal(kept.found, kept.now)
})

test('dynsec 2: changes that come together are one line of the log, and all are safe then', async t => {
  const kept = await Kept.open(t)
  await Promise.all(Array.from({ length: 100 }, (_, i) => kept.do(create(`c${i}`))))
  const lines = readFileSync(logPath(kept.path), 'utf8').trimEnd().split('\n')
  // The file that it follows, the first change, and the others.
  assert.equal(lines.length, 3)
  assert.equal(kept.found, kept.now)
})

test('dynsec 2: an edit that is made while the log has changes holds, and so do they', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'), { command: 'modifyClient', username: 'old', textname: 'changed' })
  kept.edit(file => file.clients.push({ username: 'edited' }))
  // A kill before it is noticed.
  assert.deepEqual(recover(kept.path).warnings, [
    'Warning: Dynamic security config was edited since 2 changes were made: they are carried out on it again.',
  ])
  assert.equal(await kept.keeper.isEdited(), true)
  kept.takeIn()
  assert.equal(kept.found, kept.now)
  assert.deepEqual(kept.lines, [])
  assert.equal(await kept.keeper.isEdited(), false)
  await kept.do(create('b'))
  assert.equal(kept.found, kept.now)
  await kept.keeper.fold()
  assert.deepEqual(names(kept.file), ['a', 'b', 'edited', 'old'])
  assert.equal(kept.file.clients[3]?.textname, 'changed')
  assert.equal(kept.file.changeIndex, 8)
})

test('dynsec 2: a change that cannot be made on an edited file is named, and the others are made', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'), create('b'))
  kept.edit(file => file.clients.push({ username: 'a', textname: 'edited' }))
  kept.takeIn()
  assert.deepEqual(kept.lines, [
    'Warning: Dynamic security: change 6 (createClient): Client already exists; it is left out.',
  ])
  await kept.keeper.fold()
  assert.deepEqual(names(kept.file), ['a', 'b', 'old'])
  assert.equal(kept.file.clients[0]?.textname, 'edited')
})

test('dynsec 2: an edit that is made while the file is written is noticed, and not overwritten', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  const folding = kept.keeper.fold()
  kept.edit(file => file.clients.push({ username: 'edited' }))
  await folding
  assert.equal(kept.edits, 1)
  assert.deepEqual(names(kept.file), ['a', 'edited', 'old'])
  assert.equal(kept.found, kept.now)
})

test('dynsec 2: the file that is written is taken for an edit at no moment, before, between and behind', async t => {
  const kept = await Kept.open(t)
  for (let turn = 0; turn < 5; turn++) {
    await kept.do(create(`a${turn}`))
    let isWritten = false
    const folding = kept.keeper.fold().then(() => {
      isWritten = true
    })
    while (!isWritten) assert.equal(await kept.keeper.isEdited(), false)
    await folding
    assert.equal(await kept.keeper.isEdited(), false)
  }
  assert.equal(kept.edits, 0)
})

test('dynsec 2: a file of another state counts as it is, which is said, and what comes after it is kept', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  kept.edit(file => {
    file.changeIndex = 2
  })
  kept.takeIn()
  assert.match(kept.lines[0] ?? '', /holds 2 changes, and 6 were made: it was edited elsewhere or earlier/)
  await kept.do(create('b'))
  assert.equal(kept.found, kept.now)
  assert.deepEqual(names(JSON.parse(kept.now)), ['b', 'old'])
})

test('dynsec 2: nobody is told that it was done when a file of another state comes while it is logged', async t => {
  const kept = await Kept.open(t)
  const [logged, waiting] = [kept.do(create('a')), kept.do(create('b'))]
  kept.edit(file => {
    file.changeIndex = 2
  })
  kept.takeIn()
  const outcomes = await Promise.allSettled([logged, waiting])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(kept.found, kept.now)
})

test('dynsec 2: a file that is broken changes nothing, and is replaced by the next one', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  writeFileSync(kept.path, '{')
  assert.throws(() => kept.takeIn(), /it is not JSON/)
  await kept.keeper.fold()
  assert.deepEqual(names(kept.file), ['a', 'old'])
})

test('dynsec 2: the file is written after a quiet second, and after ten however much goes on', async t => {
  const kept = await Kept.open(t)
  const isWritten = () => names(kept.file).length > 1
  kept.keeper.advance(0)
  await kept.do(create('a'))
  kept.keeper.advance(100)
  kept.keeper.advance(1099)
  await kept.do(create('b'))
  for (let now = 1100; now < 10_100; now += 500) {
    await kept.do(create(`c${now}`))
    kept.keeper.advance(now)
    assert.equal(isWritten(), false, String(now))
  }
  kept.keeper.advance(10_100)
  await kept.keeper.fold()
  assert.equal(isWritten(), true)
  await kept.do(create('d'))
  kept.keeper.advance(20_000)
  kept.keeper.advance(20_999)
  assert.equal(names(kept.file).includes('d'), false)
  kept.keeper.advance(21_000)
  await kept.keeper.close()
  assert.equal(names(kept.file).includes('d'), true)
})

test('dynsec 2: at a clean stop the file says everything, nothing is beside it, and no change is taken any more', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  await kept.keeper.close()
  assert.deepEqual(names(kept.file), ['a', 'old'])
  assert.equal(existsSync(logPath(kept.path)), false)
  await assert.rejects(kept.keeper.save([create('b')]), /about to end/)
})

test('dynsec 2: what is written during and after a clean stop brings no log back', async t => {
  const kept = await Kept.open(t)
  await kept.do(create('a'))
  await Promise.all([kept.keeper.fold(), kept.keeper.close(), kept.keeper.fold()])
  assert.equal(existsSync(logPath(kept.path)), false)
  // As for a change that came too late to be answered.
  await kept.keeper.fold()
  assert.equal(existsSync(logPath(kept.path)), false)
  kept.edit(file => file.clients.push({ username: 'edited' }))
  kept.takeIn()
  await kept.keeper.fold()
  assert.equal(existsSync(logPath(kept.path)), false)
  assert.deepEqual(names(kept.file), ['a', 'edited', 'old'])
})

test('dynsec 2: where the log cannot be written, a change is answered when it is in the file', async t => {
  const kept = new Kept(t)
  mkdirSync(logPath(kept.path))
  const recovered = { ...recoverWithoutLog(kept), commands: [], logBytes: 0 }
  await kept.keeper.open(recovered)
  assert.match(kept.lines.join('\n'), /warning: .*cannot be logged, the whole file is written: EISDIR/)
  await kept.do(create('a'))
  assert.deepEqual(names(kept.file), ['a', 'old'])
  rmSync(logPath(kept.path), { recursive: true })
  await kept.do(create('b'))
  assert.deepEqual(names(kept.file), ['a', 'b', 'old'])
  // There is a log again.
  await kept.do(create('c'))
  assert.deepEqual(names(kept.file), ['a', 'b', 'old'])
  assert.equal(kept.found, kept.now)
})

function recoverWithoutLog({ keeper }: Kept) {
  return keeper.read()
}

test('dynsec 2: a log that is full makes way for the file, and goes on behind it', async t => {
  const kept = await Kept.open(t)
  const textdescription = 'x'.repeat(3_000_000)
  for (const username of ['a', 'b', 'c']) await kept.do(create(username, { textdescription }))
  assert.deepEqual(names(kept.file), ['old'])
  await kept.do(create('d'))
  assert.deepEqual(names(kept.file), ['a', 'b', 'c', 'd', 'old'])
  await kept.do(create('e'))
  assert.deepEqual(recover(kept.path).commands, [create('e')])
  assert.equal(kept.found, kept.now)
})

test('dynsec 2: nobody is told that it was done when neither log nor file can be written', async t => {
  const kept = new Kept(t)
  mkdirSync(join(`${kept.path}.new`, 'x'), { recursive: true })
  await assert.rejects(kept.do(create('a')), { code: 'ERR_FS_EISDIR' })
  assert.deepEqual(names(kept.file), ['old'])
  rmSync(`${kept.path}.new`, { recursive: true })
  await kept.do(create('b'))
  assert.deepEqual(names(kept.file), ['a', 'b', 'old'])
})

test('dynsec 2: what waits for a disk that takes nothing has a limit, and room again when the file is written', async t => {
  const kept = new Kept(t)
  mkdirSync(join(`${kept.path}.new`, 'x'), { recursive: true })
  const textdescription = 'x'.repeat(3_000_000)
  for (const username of ['a', 'b', 'c', 'd', 'e']) {
    await assert.rejects(kept.do(create(username, { textdescription })), { code: 'ERR_FS_EISDIR' })
    assert.equal(kept.keeper.isFull, false)
  }
  const last = kept.do(create('f', { textdescription }))
  assert.equal(kept.keeper.isFull, true, 'what has not failed yet counts, too')
  await assert.rejects(last, { code: 'ERR_FS_EISDIR' })
  assert.equal(kept.keeper.isFull, true)
  await assert.rejects(kept.keeper.fold(), { code: 'ERR_FS_EISDIR' })
  assert.equal(kept.keeper.isFull, true)
  rmSync(`${kept.path}.new`, { recursive: true })
  await kept.keeper.fold()
  assert.equal(kept.keeper.isFull, false)
  await kept.do(create('g'))
  assert.deepEqual(names(kept.file), ['a', 'b', 'c', 'd', 'e', 'f', 'old'])
})

test('dynsec 2: changes that are safe count for nothing, however many they were', async t => {
  const kept = await Kept.open(t)
  const textdescription = 'x'.repeat(3_000_000)
  for (const username of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) await kept.do(create(username, { textdescription }))
  assert.equal(kept.keeper.isFull, false)
})
