import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type BulkJob, issueBulk, parseBulkTable } from './bulk.ts'
import { fileNameOf } from './bundle.ts'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine } from './engine.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-bulk-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const now = Date.now()
const passphrase = 'correct horse battery'
const ca = join(dir, 'ca')
await initDirectory(ca, { name: 'Bulk', keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
const open = () => new CertificateEngine(ca, async () => passphrase)

let jobs = 0
function job(count: number): BulkJob {
  const number = jobs++
  return {
    rows: Array.from({ length: count }, (_, row) => ({ name: `job${number}-${row}`, alternatives: [] })),
    profile: 'device',
    format: 'zip',
    directory: join(dir, `out-${number}`),
    by: 'test',
    now: () => now,
    onStart: () => {},
    onProgress: () => {},
  }
}

const manifest = ({ directory }: BulkJob) => readFileSync(join(directory, 'manifest.csv'), 'utf8')

function checkResult(wanted: BulkJob): void {
  const { inventory } = open()
  const lines = manifest(wanted).trimEnd().split('\n').slice(1)
  assert.deepEqual(
    lines.map(line => line.split(',')[1]),
    wanted.rows.map(({ name }) => name),
  )
  for (const line of lines) {
    const [, , serial = '', fingerprint, file = '', sha256] = line.split(',')
    assert.equal(hash('sha256', readFileSync(join(wanted.directory, file)), 'hex'), sha256)
    const record = inventory.find('device', serial)
    assert.deepEqual([record?.fingerprint, record?.revocation], [fingerprint, undefined])
  }
  assert.equal(existsSync(join(wanted.directory, '.staging')), false)
  const bundles = readdirSync(wanted.directory).filter(name => name.endsWith('.zip'))
  assert.equal(bundles.length, wanted.rows.length)
}

test('a bundle for each row, a manifest with its hash, and the same command again does nothing', async () => {
  const wanted = job(120)
  assert.deepEqual(await issueBulk(open(), wanted), { issued: 120, there: 0 })
  checkResult(wanted)
  const before = manifest(wanted)
  assert.deepEqual(await issueBulk(open(), wanted), { issued: 0, there: 120 })
  assert.equal(manifest(wanted), before)
})

test('stopped after a group, it goes on there: what was in the manifest stays, byte for byte', async () => {
  const wanted = job(130)
  const stop = { ...wanted, onProgress: () => assert.fail('stopped') }
  await assert.rejects(issueBulk(open(), stop), /stopped/)
  const before = manifest(wanted)
  assert.equal(before.trimEnd().split('\n').length, 51)
  await issueBulk(open(), wanted)
  assert.ok(manifest(wanted).startsWith(before))
  checkResult(wanted)
})

test('stopped between the record and the manifest, the very certificates that were recorded are handed out', async () => {
  const wanted = job(20)
  const engine = open()
  const record = engine.record.bind(engine)
  engine.record = (events, at) => {
    record(events, at)
    assert.fail('stopped after the record')
  }
  await assert.rejects(issueBulk(engine, wanted), /stopped after the record/)
  const recorded = [...open().inventory.all()].filter(({ name }) =>
    name.startsWith(wanted.rows[0]!.name.split('-')[0]!),
  )
  assert.equal(recorded.length, 20)
  await issueBulk(open(), wanted)
  checkResult(wanted)
  for (const { serial } of recorded) assert.ok(manifest(wanted).includes(serial))
})

test('stopped before the record, nothing of it is handed out; a line of the manifest that was cut short is written again', async () => {
  const wanted = job(60)
  const engine = open()
  engine.record = () => assert.fail('stopped before the record')
  await assert.rejects(issueBulk(engine, wanted), /stopped before the record/)
  assert.deepEqual(readdirSync(wanted.directory).sort(), ['.job', '.staging', 'manifest.csv'])
  appendFileSync(join(wanted.directory, 'manifest.csv'), '1,half a li')
  await issueBulk(open(), wanted)
  checkResult(wanted)
})

test('recorded, and the bundle lost with the power: revoked, and issued again', async () => {
  const wanted = job(3)
  const engine = open()
  const record = engine.record.bind(engine)
  engine.record = (events, at) => {
    record(events, at)
    rmSync(join(wanted.directory, '.staging'), { recursive: true })
    assert.fail('the power failed')
  }
  await assert.rejects(issueBulk(engine, wanted), /the power failed/)
  await issueBulk(open(), wanted)
  checkResult(wanted)
  const all = [...open().inventory.all()].filter(({ name }) => name === wanted.rows[0]!.name)
  assert.deepEqual(
    all.map(({ revocation }) => revocation?.reason),
    ['superseded', undefined],
  )
})

test('killed with SIGKILL in the middle, and resumed: every row once, the part before the kill unchanged', async () => {
  const wanted = job(160)
  const script = `
    import { issueBulk } from ${JSON.stringify(join(import.meta.dirname, 'bulk.ts'))}
    import { CertificateEngine } from ${JSON.stringify(join(import.meta.dirname, 'engine.ts'))}
    const engine = new CertificateEngine(${JSON.stringify(ca)}, async () => ${JSON.stringify(passphrase)})
    await issueBulk(engine, { ...${JSON.stringify(wanted)}, now: () => ${now}, onStart() {},
      onProgress: done => { if (done >= 100) process.kill(process.pid, 'SIGKILL') } })`
  assert.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' }))
  const before = manifest(wanted)
  assert.equal(before.trimEnd().split('\n').length, 101)
  await issueBulk(open(), wanted)
  assert.ok(manifest(wanted).startsWith(before))
  checkResult(wanted)
})

test('a directory of another table is refused, as are names that come to the same file', async () => {
  const wanted = job(2)
  await issueBulk(open(), wanted)
  const other = { ...job(3), directory: wanted.directory }
  await assert.rejects(issueBulk(open(), other), { code: 'ERR_PKI_CONFLICT', message: /belongs to another table/ })
  const rows = [
    { name: 'a b', alternatives: [] },
    { name: 'a-b', alternatives: [] },
  ]
  await assert.rejects(issueBulk(open(), { ...job(1), rows }), { message: /rows 1 and 2 are both 'a-b'/ })
})

test('a table: columns by name, quotes, several alternative names, empty lines left out', () => {
  const rows = parseBulkTable(Buffer.from('\ufeffname,days,san\r\n"a,b",30,\n\nc,,"x.example 10.0.0.1"\nd'))
  assert.deepEqual(rows, [
    { name: 'a,b', alternatives: [], lifetimeDays: 30 },
    { name: 'c', alternatives: ['x.example', '10.0.0.1'] },
    { name: 'd', alternatives: [] },
  ])
  assert.throws(() => parseBulkTable(Buffer.from('serial\n1\n')), { message: /one of them 'name'/ })
  assert.throws(() => parseBulkTable(Buffer.from('name,days\na,soon\n')), { message: /row 1: days/ })
  assert.throws(() => parseBulkTable(Buffer.from('name\n"a"b\n')), { message: /a quote in the wrong place/ })
})

test('a table in another encoding is refused: its names would be certified as what they are not', () => {
  assert.throws(() => parseBulkTable(Buffer.from('name\nMüller\n', 'latin1')), { message: /not UTF-8/ })
  assert.deepEqual(parseBulkTable(Buffer.from('name\nMüller\n')), [{ name: 'Müller', alternatives: [] }])
})

test('a cell of millions of characters is refused, quoted or not', () => {
  const long = 'a'.repeat(20_000_000)
  for (const cell of [long, `"${long}"`, `"${long}`]) {
    assert.throws(() => parseBulkTable(Buffer.from(`name\n${cell}\n`)), { message: /far too long a cell/ })
  }
})

test("a device that is called ca has files of its own beside the root's", () => {
  assert.deepEqual(['ca', 'CA', 'cable', 'a.ca'].map(fileNameOf), ['_ca', '_CA', 'cable', 'a.ca'])
})

test('cert bulk --out: a directory that is a link, or that others may write to, gets nothing; one of our own does', async () => {
  const wanted = job(1)
  const elsewhere = join(dir, 'elsewhere')
  mkdirSync(elsewhere, { mode: 0o700 })
  symlinkSync(elsewhere, wanted.directory)
  await assert.rejects(issueBulk(open(), wanted), { code: 'ERR_PKI_FILE', message: /is a symbolic link/ })
  assert.deepEqual(readdirSync(elsewhere), [])
  const shared = { ...wanted, directory: elsewhere }
  for (const mode of [0o770, 0o702]) {
    chmodSync(elsewhere, mode)
    await assert.rejects(issueBulk(open(), shared), { code: 'ERR_PKI_FILE', message: /written by others.*0700/ })
    assert.deepEqual(readdirSync(elsewhere), [])
  }
  chmodSync(elsewhere, 0o755)
  assert.deepEqual(await issueBulk(open(), shared), { issued: 1, there: 0 })
})

test('cert bulk --out: a directory of somebody else is refused', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const wanted = job(1)
  mkdirSync(wanted.directory, { mode: 0o700 })
  chownSync(wanted.directory, 4711, 4711)
  await assert.rejects(issueBulk(open(), wanted), { code: 'ERR_PKI_FILE', message: /belongs to user 4711/ })
  assert.deepEqual(readdirSync(wanted.directory), [])
})

test('cert bulk --out: a file of its own that was made a link is not written through', async () => {
  const wanted = job(60)
  const stop = { ...wanted, onProgress: () => assert.fail('stopped') }
  await assert.rejects(issueBulk(open(), stop), /stopped/)
  const path = join(wanted.directory, 'manifest.csv')
  const elsewhere = join(dir, 'moved.csv')
  renameSync(path, elsewhere)
  symlinkSync(elsewhere, path)
  const before = readFileSync(elsewhere, 'utf8')
  await assert.rejects(issueBulk(open(), wanted), {
    code: 'ERR_PKI_FILE',
    message: /manifest\.csv' is a symbolic link/,
  })
  assert.equal(readFileSync(elsewhere, 'utf8'), before)
})

test('CWE-1236: a name that a spreadsheet would run stands in the manifest as text; others stand as they are', async () => {
  const names = ['=1+1', '+49 30 1', '-2', '@SUM(A1)', '\uff1dA1', '=HYPERLINK("x",A1)', 'pump=7', 'a-b', "o'neil"]
  const wanted = { ...job(0), rows: names.map(name => ({ name, alternatives: [] })) }
  await issueBulk(open(), wanted)
  const cells = manifest(wanted)
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(line => /^\d+,(.*),[0-9a-f]+,[0-9a-f]{64},[^,]+,[0-9a-f]{64}$/.exec(line)?.[1])
  assert.deepEqual(cells, [
    "'=1+1",
    "'+49 30 1",
    "'-2",
    "'@SUM(A1)",
    "'\uff1dA1",
    '"\'=HYPERLINK(""x"",A1)"',
    'pump=7',
    'a-b',
    "o'neil",
  ])
})
