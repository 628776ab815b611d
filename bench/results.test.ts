import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { madeUpReport, rowInput } from './made-up-report.ts'
import { checkWritable, keepReport, readReport, writeReport } from './results.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'castellan-results-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

const report = madeUpReport([rowInput('castellan', [1])])

test('results are kept by date, time and commit, and no earlier one is overwritten', t => {
  const dir = directory(t)
  assert.equal(keepReport(report, dir), '2026-01-02-0304-abc1234')
  assert.equal(keepReport({ ...report, commit: 'other' }, dir), '2026-01-02-0304-other')
  assert.equal(keepReport({ ...report, rounds: 5 }, dir), '2026-01-02-0304-abc1234-2')
  assert.deepEqual(readReport(join(dir, '2026-01-02-0304-abc1234.json')), report)
  assert.equal(readdirSync(dir).length, 6)
})

test('a file that can be written passes, and is as it was afterwards', t => {
  const dir = directory(t)
  const [there, absent] = [join(dir, 'there.json'), join(dir, 'absent.json')]
  writeFileSync(there, 'earlier')
  checkWritable(there, false)
  checkWritable(absent, false)
  assert.equal(readFileSync(there, 'utf8'), 'earlier')
  assert.equal(existsSync(absent), false)
})

test('one that cannot is refused with its path and what is needed', t => {
  const dir = directory(t)
  const refused = (path: string, message: RegExp) =>
    assert.throws(() => checkWritable(path, false), { code: 'ERR_BENCH', message })
  refused(join(dir, 'no/such.json'), /^--json cannot write '.*\/no\/such\.json': ENOENT; it needs a place that exists/)
  refused(dir, /: it is a directory; it needs/)
  refused('', /^--json cannot write '': ENOENT;/)
})

test('a place that is gone when the run is over is an error, not a crash', t => {
  const gone = join(directory(t), 'no/such')
  assert.throws(() => writeReport(gone, ''), { code: 'ERR_BENCH', message: /^cannot write '.*no\/such': ENOENT$/ })
  assert.throws(() => keepReport(report, gone), { code: 'ERR_BENCH', message: /^cannot write / })
})
