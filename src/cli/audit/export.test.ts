import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { commandEvent, testAudit } from '../../../test/support/audit.ts'
import { runCommand } from '../../../test/support/command.ts'
import { genesis, seal } from '../../audit/record.ts'
import { audit } from './audit.ts'

const run = (...args: readonly string[]) => runCommand(audit, args)

/** Times begin with 2030-01-01T00:00:00.000Z, a millisecond each. */
async function written(t: TestContext) {
  const made = testAudit(t)
  const trail = await made.open()
  trail.note({ kind: 'start', outcome: 'done', what: { version: '1' } })
  trail.note({ kind: 'login', outcome: 'done', who: { username: '=HYPERLINK("x")', clientid: 'a,b\r\n"c"' } })
  trail.note(commandEvent('createClient'))
  trail.note({ kind: 'login', outcome: 'done', who: { username: 'bob', clientid: 'b' } })
  trail.note(commandEvent('deleteClient'))
  await trail.close()
  return { ...made, lines: readFileSync(made.path, 'utf8').trimEnd().split('\n') }
}

const milli = (count: number) => `2030-01-01T00:00:00.00${count}Z`
const read = (path: string) => readFileSync(path, 'utf8')

test('cli section 2, audit export: the records of a time are written as they stand, with a proof that verify goes by', async t => {
  const { path, lines } = await written(t)
  const to = join(dirname(path), 'out.jsonl')
  const done = await run('export', path, '--to', to, '--since', milli(1), '--until', milli(4))
  assert.deepEqual([done.code, done.stderr], [0, ''])
  assert.equal(read(to), `${lines.slice(1, 4).join('\n')}\n`)
  assert.deepEqual([statSync(to).mode & 0o777, statSync(`${to}.proof`).mode & 0o777], [0o600, 0o600])
  const ends = lines.map(line => JSON.parse(line)).map(({ seq, hash }) => ({ seq, hash }))
  const { by, made, ...proof } = JSON.parse(read(`${to}.proof`))
  assert.match(`${by} ${made}`, /^castellan \S+ \d{4}-/)
  const sha256 = createHash('sha256').update(read(to)).digest('hex')
  assert.deepEqual(proof, {
    version: 1,
    asked: { since: milli(1), until: milli(4) },
    export: { name: 'out.jsonl', format: 'jsonl', records: 3, first: ends[1], last: ends[3], isUnbroken: true, sha256 },
    audit: { name: 'audit.jsonl', first: 1, last: ends[4] },
  })
  assert.match(
    done.stdout,
    new RegExp(`^3 records, from 2 to 4; sha256 ${sha256}\n.* record 5, hash ${ends[4]?.hash}\n$`),
  )
  for (const hash of [ends[4]?.hash, ends[2]?.hash]) {
    const verified = await run('verify', to, '--proof', `${to}.proof`, '--expect', hash)
    assert.deepEqual([verified.code, verified.stderr], [0, ''])
    assert.match(verified.stdout, /^as it was exported: 3 records, from 2 to 4\n/)
  }
  const other = await run('verify', to, '--proof', `${to}.proof`, '--expect', 'ab'.repeat(32))
  assert.deepEqual([other.code, /neither the audit ended with the expected hash/.test(other.stderr)], [7, true])
})

test('audit export: by kind, records that are left out between others show in the proof', async t => {
  const { path, lines } = await written(t)
  const to = join(dirname(path), 'out')
  const { code, stdout } = await run('export', path, '--to', to, '--kind', 'command')
  assert.equal(code, 0)
  assert.equal(read(to), `${lines[2]}\n${lines[4]}\n`)
  assert.match(stdout, /^2 records, from 3 to 5, with others left out between them; /)
  assert.equal(JSON.parse(read(`${to}.proof`)).export.isUnbroken, false)
  assert.equal((await run('verify', to, '--proof', `${to}.proof`)).code, 0)
})

test('audit export --format csv: a row each, no text of a client is a formula or a line of its own', async t => {
  const { path, lines } = await written(t)
  const to = join(dirname(path), 'out.csv')
  assert.equal((await run('export', path, '--to', to, '--format', 'csv', '--kind', 'login')).code, 0)
  const [heading, first, second, ...rest] = read(to).split('\r\n')
  assert.equal(
    heading,
    'seq,time,kind,outcome,username,clientid,proven,certificate,address,port,listener,what,before,after,prev,hash',
  )
  const { prev, hash } = JSON.parse(lines[1] ?? '')
  const cells = ['2', milli(1), 'login', 'done', `"'=HYPERLINK(""x"")"`, '"a,b\\x0d\\x0a""c"""', 'true']
  assert.equal(first, [...cells, '', '', '', '', '', '', '', prev, hash].join(','))
  assert.deepEqual([second?.startsWith(`4,${milli(3)},login,done,bob,b,true,`), rest], [true, ['']])
  assert.equal((await run('verify', to, '--proof', `${to}.proof`)).code, 0)
  writeFileSync(to, read(to).replace('bob', 'eve'))
  const changed = await run('verify', to, '--proof', `${to}.proof`)
  assert.deepEqual([changed.code, /the file is not the one that was exported/.test(changed.stderr)], [7, true])
})

test('audit verify --proof: what was changed, removed or put into an export is named', async t => {
  const { path, lines } = await written(t)
  const to = join(dirname(path), 'out')
  await run('export', path, '--to', to)
  const forged = seal('"time":"","kind":"login","outcome":"done"', { seq: 1, hash: genesis }).line.trimEnd()
  for (const [changed, why] of [
    [lines.with(1, lines[1]?.replace('login', 'stop') ?? ''), /out:2: its content does not have the hash/],
    [lines.with(1, forged), /out:2: it does not carry the hash of the record before it\n/],
    [lines.with(2, lines[1] ?? ''), /out:3: it has the number 2 behind 2\n/],
    [lines.toSpliced(2, 1), /out: the file is not the one that was exported\n/],
    [lines.slice(0, -1), /out: the file is not the one that was exported\n/],
  ] as const) {
    writeFileSync(to, `${changed.join('\n')}\n`)
    const { code, stdout, stderr } = await run('verify', to, '--proof', `${to}.proof`)
    assert.deepEqual([code, stdout], [7, ''])
    assert.match(stderr, why)
  }
  writeFileSync(to, `${lines.join('\n')}\n`)
  const proof = read(`${to}.proof`)
  writeFileSync(`${to}.proof`, proof.replace('"records": 5', '"records": 6'))
  const claimed = await run('verify', to, '--proof', `${to}.proof`)
  assert.deepEqual([claimed.code, /does not hold the records that its proof names/.test(claimed.stderr)], [7, true])
  writeFileSync(`${to}.proof`, '{}')
  assert.match((await run('verify', to, '--proof', `${to}.proof`)).stderr, /out\.proof: it is no proof of an export\n/)
})

test('audit export: an audit that was changed is not exported, nothing found is 3, a file in the way 5, and none is left behind', async t => {
  const { path, lines } = await written(t)
  const to = join(dirname(path), 'out')
  const assertNothing = () => assert.deepEqual([existsSync(to), existsSync(`${to}.proof`)], [false, false])
  assert.equal((await run('export', path, '--to', to, '--user', 'nobody')).code, 3)
  assertNothing()
  for (const args of [[], ['--to', to, '--format', 'xml'], ['--to', to, '--kind', 'x'], ['--to', to, '--since', 'x']]) {
    assert.equal((await run('export', path, ...args)).code, 2, args.join(' '))
  }
  writeFileSync(`${to}.proof`, 'mine')
  const inTheWay = await run('export', path, '--to', to)
  assert.deepEqual([inTheWay.code, read(`${to}.proof`), existsSync(to)], [5, 'mine', false])
  assert.match(inTheWay.stderr, /out' or its proof is there already, and left as it is\n$/)
  writeFileSync(path, `${lines.with(1, lines[1]?.replace('login', 'stop') ?? '').join('\n')}\n`)
  const changed = await run('export', path, '--to', join(dirname(path), 'other'), '--kind', 'command')
  assert.equal(changed.code, 7)
  assert.match(changed.stderr, /audit\.jsonl:2: its content does not have the hash that it carries\n$/)
  assert.equal(existsSync(join(dirname(path), 'other')), false)
  assert.equal((await run('export', `${path}.nowhere`, '--to', to)).code, 1)
})
