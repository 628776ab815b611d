import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandEvent, testAudit, textOf } from '../../test/support/audit.ts'
import { headPath, olderFiles } from './file-names.ts'
import { verifyAudit } from './verify.ts'

test('audit_file: what is noted stands there in order, one chain over several starts, for the owner alone', async t => {
  const audit = testAudit(t)
  for (const name of ['first', 'second']) {
    const trail = await audit.open()
    for (let i = 0; i < 500; i++) trail.note(commandEvent(`${name} ${i}`))
    await trail.written()
    assert.equal(audit.records().at(-1)?.what?.['command'], `${name} 499`)
    await trail.close()
  }
  const records = audit.records()
  assert.deepEqual(
    records.map(({ seq }) => seq),
    Array.from({ length: 1000 }, (_, i) => i + 1),
  )
  assert.equal(verifyAudit(audit.path).fault, undefined)
  assert.equal(statSync(audit.path).mode & 0o777, 0o600)
  const hash = records.at(-1)?.hash
  assert.ok(
    audit.lines.some(line => line.endsWith(`: 1000 records, hash ${hash}.`)),
    audit.lines.join('\n'),
  )
})

test('audit: many who note at the same time get one number each, and whoever waits is told when it is written', async t => {
  const audit = testAudit(t, { audit_max_file_bytes: 65_536 })
  const trail = await audit.open()
  const one = async (name: number) => {
    for (let i = 0; i < 20; i++) {
      trail.note(commandEvent(`${name}-${i}`))
      await trail.written()
      assert.ok(audit.records().some(({ what }) => what?.['command'] === `${name}-${i}`))
    }
  }
  await Promise.all(Array.from({ length: 20 }, (_, i) => one(i)))
  await trail.close()
  assert.equal(audit.records().filter(({ kind }) => kind === 'command').length, 400)
  assert.equal(verifyAudit(audit.path).fault, undefined)
})

test('audit_exclude: those kinds are left out, the others are not', async t => {
  const audit = testAudit(t, { audit_exclude: ['login'] })
  const trail = await audit.open()
  trail.note({ kind: 'login', outcome: 'done' })
  trail.note({ kind: 'refusal', outcome: 'refused' })
  assert.deepEqual([trail.takes('login'), trail.takes('refusal')], [false, true])
  await trail.close()
  assert.deepEqual(
    audit.records().map(({ kind }) => kind),
    ['refusal'],
  )
})

test('audit_max_file_bytes, audit_max_files: the chain goes on from file to file, the oldest go, and the next record says so', async t => {
  const audit = testAudit(t, { audit_max_file_bytes: 65_536, audit_max_files: 2 })
  const trail = await audit.open()
  for (let i = 0; i < 40; i++) {
    for (let j = 0; j < 50; j++) trail.note(commandEvent('x'.repeat(100)))
    await trail.written()
  }
  await trail.close()
  const older = olderFiles(audit.path)
  assert.equal(older.length, 2)
  const [first] = audit.records()
  assert.equal(first?.seq, older[0]?.first)
  const rotations = audit.records().filter(({ what }) => what?.['event'] === 'rotated')
  assert.equal(rotations.at(-1)?.what?.['first'], first?.seq)
  assert.equal(Object(rotations.at(-1)?.what?.['removed']).length, 1)
  const verdict = verifyAudit(audit.path)
  assert.deepEqual([verdict.fault, verdict.files, verdict.first], [undefined, 3, first?.seq])
})

test('audit: a line that a crash has left half-written is cut off, told, and the chain goes on', async t => {
  const audit = testAudit(t)
  const before = await audit.open()
  for (let i = 0; i < 3; i++) before.note(commandEvent(`${i}`))
  await before.close()
  const whole = textOf(audit.path)
  appendFileSync(audit.path, '{"seq":4,"time":"2030')
  const after = await audit.open()
  after.note(commandEvent('after'))
  await after.close()
  assert.ok(textOf(audit.path).startsWith(whole))
  const [, , , cut, last] = audit.records()
  assert.deepEqual([cut?.kind, cut?.what?.['event'], cut?.what?.['bytes']], ['audit', 'torn', 21])
  assert.equal(last?.what?.['command'], 'after')
  assert.equal(verifyAudit(audit.path).fault, undefined)
  assert.ok(audit.lines.some(line => /^warning Warning: 21 bytes of a half-written record/.test(line)))
})

test('audit: cut off anywhere in its last line, the audit begins again behind the one before it', async t => {
  const audit = testAudit(t)
  const trail = await audit.open()
  for (let i = 0; i < 2; i++) trail.note(commandEvent(`${i}`))
  await trail.close()
  const whole = readFileSync(audit.path)
  const [firstEnd, end] = [whole.indexOf(10) + 1, whole.length]
  for (const size of [0, 1, firstEnd - 1, firstEnd, firstEnd + 1, end - 1]) {
    writeFileSync(audit.path, whole.subarray(0, size))
    rmSync(headPath(audit.path))
    await (await audit.open()).close()
    const numbers = audit.records().map(({ seq, kind }) => `${seq} ${kind}`)
    const lines = size >= firstEnd ? ['1 command'] : []
    const isTorn = size !== 0 && size !== firstEnd
    assert.deepEqual(numbers, isTorn ? [...lines, `${lines.length + 1} audit`] : lines, `${size} bytes`)
  }
})

test('audit: an end that was cut off while no broker ran is told by the next start, and verify says so ever after', async t => {
  const audit = testAudit(t)
  const trail = await audit.open()
  for (let i = 0; i < 5; i++) trail.note(commandEvent(`${i}`))
  await trail.close()
  const lines = textOf(audit.path).split('\n')
  for (const left of [3, 0]) {
    writeFileSync(
      audit.path,
      lines
        .slice(0, left)
        .map(line => `${line}\n`)
        .join(''),
    )
    await (await audit.open()).close()
    const cut = audit.records().at(-1)
    assert.deepEqual([cut?.seq, cut?.outcome, cut?.what], [left + 1, 'failed', { event: 'cut', head: 5, last: left }])
    assert.ok(
      audit.lines.some(line => line.includes(`ends with record ${left}, and 5 were written: its end was cut off.`)),
    )
    assert.match(verifyAudit(audit.path).fault?.why ?? '', /^the end was cut off before record \d was written: 5 were$/)
    writeFileSync(headPath(audit.path), `${'5'.padStart(16, '0')} ${'0'.repeat(64)}\n`)
  }
})

test('audit_file: one whose last line was changed, a link, and a directory are not gone on with', async t => {
  const audit = testAudit(t)
  const trail = await audit.open()
  trail.note(commandEvent('a'))
  await trail.close()
  writeFileSync(audit.path, textOf(audit.path).replace('"admin"', '"adm1n"'))
  await assert.rejects(audit.open(), {
    code: 'ERR_AUDIT_FILE',
    message:
      /^Error: audit_file ".*" cannot be used: its last whole line is not as it was written \(its content does not/,
  })
  const link = testAudit(t)
  symlinkSync(audit.path, link.path)
  await assert.rejects(link.open(), { code: 'ERR_AUDIT_FILE' })
})

test('audit: a crash between two files of a rotation loses nothing of the chain', async t => {
  const audit = testAudit(t)
  const trail = await audit.open()
  for (let i = 0; i < 3; i++) trail.note(commandEvent(`${i}`))
  await trail.close()
  writeFileSync(`${audit.path}.1`, textOf(audit.path))
  writeFileSync(audit.path, '')
  const after = await audit.open()
  after.note(commandEvent('after'))
  await after.close()
  assert.deepEqual(
    audit.records().map(({ seq }) => seq),
    [1, 2, 3, 4],
  )
  assert.equal(verifyAudit(audit.path).fault, undefined)
})

test('audit_failure: while it cannot be written the broker goes on, or refuses; nothing is lost when it can be again', async t => {
  for (const policy of ['continue', 'refuse'] as const) {
    const audit = testAudit(t, { audit_failure: policy })
    const trail = await audit.open()
    trail.note(commandEvent('before'))
    await trail.written()
    const { size } = statSync(audit.path)
    // Somebody else writes: that is refused as a disk would be.
    appendFileSync(audit.path, 'foreign\n')
    trail.note(commandEvent('meanwhile'))
    await trail.written()
    assert.equal(trail.isRefusing, policy === 'refuse')
    assert.equal(trail.unreadyBecause() !== undefined, policy === 'refuse')
    assert.match(
      audit.lines.at(-1) ?? '',
      /^error Error: The audit cannot be written: somebody else writes to the file/,
    )
    trail.note(commandEvent('later'))
    await trail.written()
    assert.equal(readFileSync(audit.path, 'utf8').slice(size), 'foreign\n', 'nothing is written behind it')
    truncateSync(audit.path, size)
    trail.advance(2000)
    await trail.close()
    assert.equal(trail.isRefusing, false)
    assert.deepEqual(
      audit.records().map(({ what }) => what?.['command']),
      ['before', 'meanwhile', 'later'],
    )
    assert.ok(audit.lines.includes('notice The audit is written again.'))
  }
})

test('audit: events for which there is no room are counted, and the count is the next record', async t => {
  const audit = testAudit(t)
  const trail = await audit.open()
  const large = { kind: 'command', outcome: 'done', what: { list: Array(90).fill('x'.repeat(1000)) } } as const
  for (let i = 0; i < 400; i++) trail.note(large)
  await trail.written()
  await trail.close()
  const records = audit.records()
  const lost = records.find(({ what }) => what?.['event'] === 'lost')
  assert.equal(Number(lost?.what?.['events']) + records.filter(({ kind }) => kind === 'command').length, 400)
  assert.ok(Number(lost?.what?.['events']) > 100)
  assert.equal(audit.lines.filter(line => /events are lost/.test(line)).length, 1)
})
