import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { commandEvent, testAudit } from '../../test/support/audit.ts'
import { headPath, olderFiles } from './file-names.ts'
import { genesis, presentEvent, seal } from './record.ts'
import { type AuditFault, verifyAudit } from './verify.ts'

const readLines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n')

async function written(t: TestContext, most = 10) {
  const audit = testAudit(t)
  const trail = await audit.open()
  for (let i = 1; i <= most; i++) trail.note(commandEvent(`command ${i}`))
  await trail.close()
  return audit
}

test('audit verify: an audit that nobody has touched is whole', async t => {
  const { path, records } = await written(t)
  const last = records().at(-1)
  assert.ok(last)
  const { fault, head, ...verdict } = verifyAudit(path)
  assert.deepEqual([fault, head], [undefined, { seq: 10, hash: last.hash }])
  assert.deepEqual(verdict, {
    files: 1,
    records: 10,
    first: 1,
    last: { seq: 10, hash: last.hash },
    expectedAt: undefined,
    isTorn: false,
  })
})

test('audit verify: the first line that was changed, removed, swapped, put in or repeated is named', async t => {
  const { path } = await written(t)
  const lines = readLines(path)
  const chain = { seq: 4, hash: JSON.parse(lines[3] as string).hash }
  const forged = seal(presentEvent(commandEvent('forged'), 0), chain).line.trimEnd()
  const cases: readonly (readonly [name: string, lines: readonly string[], line: number, why: RegExp])[] = [
    ['changed', lines.with(4, lines[4]!.replace('command 5', 'command 6')), 5, /does not have the hash/],
    ['a blank added', lines.with(4, lines[4]!.replace('"who":', '"who": ')), 5, /does not have the hash/],
    ['removed', lines.toSpliced(4, 1), 5, /has the number 6, and 5 is next/],
    ['swapped', lines.with(4, lines[5]!).with(5, lines[4]!), 5, /has the number 6, and 5 is next/],
    ['put in', lines.toSpliced(4, 0, forged), 6, /has the number 5, and 6 is next/],
    ['put in the place of another', lines.with(4, forged), 6, /does not carry the hash of the record before it/],
    ['repeated', lines.toSpliced(4, 0, lines[4]!), 6, /has the number 5, and 6 is next/],
    ['not ours', lines.with(4, 'hello'), 5, /not a line of an audit/],
    ['an empty line', lines.toSpliced(4, 0, ''), 5, /not a line of an audit/],
    ['the first removed', lines.slice(1), 0, /records before number 2 are not there/],
  ]
  for (const [name, changed, line, why] of cases) {
    writeFileSync(path, `${changed.join('\n')}\n`)
    const { fault } = verifyAudit(path)
    const expected: AuditFault = { file: path, line: line === 0 ? undefined : line, why: fault?.why ?? '' }
    assert.deepEqual(fault, expected, name)
    assert.match(fault.why, why, name)
  }
  writeFileSync(path, `${lines.join('\n')}\n`)
  assert.equal(verifyAudit(path).fault, undefined)
})

test('audit verify: an end that was cut off shows by the head beside the file, and by an expected hash', async t => {
  const { path } = await written(t)
  const lines = readLines(path)
  const hashes = lines.map(line => JSON.parse(line).hash)
  const head = readFileSync(headPath(path))
  assert.equal(verifyAudit(path, hashes[6]).expectedAt, 7)
  writeFileSync(path, `${lines.slice(0, 8).join('\n')}\n`)
  assert.match(verifyAudit(path).fault?.why ?? '', /^it ends with record 8, and 10 were written/)
  rmSync(headPath(path))
  assert.deepEqual([verifyAudit(path).fault, verifyAudit(path).head], [undefined, undefined])
  assert.equal(verifyAudit(path, hashes[7]).fault, undefined)
  assert.match(verifyAudit(path, hashes[9]).fault?.why ?? '', /^no record has the expected hash/)
  // Written anew as a whole: right in itself, and not what was written down.
  let end = { seq: 0, hash: genesis }
  const anew = lines.map((_, i) => {
    const sealed = seal(presentEvent(commandEvent(`other ${i}`), 0), end)
    end = sealed.end
    return sealed.line
  })
  writeFileSync(path, anew.join(''))
  assert.equal(verifyAudit(path).fault, undefined)
  assert.match(verifyAudit(path, hashes[9]).fault?.why ?? '', /^no record has the expected hash/)
  writeFileSync(headPath(path), head)
  assert.match(verifyAudit(path).fault?.why ?? '', /^record 10 does not have the hash that was written down/)
})

test('audit verify: a file that is missing among the earlier ones is noticed, one that a rotation removed is not', async t => {
  const audit = testAudit(t, { audit_max_file_bytes: 65_536 })
  const trail = await audit.open()
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 50; j++) trail.note(commandEvent('x'.repeat(100)))
    await trail.written()
  }
  await trail.close()
  const older = olderFiles(audit.path)
  assert.ok(older.length > 3)
  assert.equal(verifyAudit(audit.path).fault, undefined)
  const [first, second] = older
  assert.ok(first && second)
  copyFileSync(second.path, `${audit.path}.kept`)
  rmSync(second.path)
  assert.match(verifyAudit(audit.path).fault?.why ?? '', new RegExp(`and ${second.first} is next`))
  copyFileSync(`${audit.path}.kept`, second.path)
  rmSync(first.path)
  assert.match(verifyAudit(audit.path).fault?.why ?? '', /^the records before number \d+ are not there/)
})

test('audit verify: a line that is being written is no fault, but within the files it is', async t => {
  const { path } = await written(t)
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"seq":11`)
  assert.deepEqual([verifyAudit(path).isTorn, verifyAudit(path).fault], [true, undefined])
  copyFileSync(path, `${path}.1`)
  writeFileSync(path, '{}\n')
  assert.match(verifyAudit(path).fault?.why ?? '', /the file before it ends within a line/)
})

test('audit verify: no file at all is an error, not an audit without a fault', t => {
  const { path } = testAudit(t)
  assert.throws(() => verifyAudit(path), { code: 'ERR_AUDIT_READ', message: /no such file or directory/ })
})
