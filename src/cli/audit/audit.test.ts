import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { commandEvent, testAudit } from '../../../test/support/audit.ts'
import { runCommand } from '../../../test/support/command.ts'
import { startProgram } from '../../../test/support/line-process.ts'
import { seal } from '../../audit/record.ts'
import { audit } from './audit.ts'

const run = (...args: string[]) => runCommand(audit, args)
const place = { address: '192.0.2.7', port: 40000, listener: '8883' }

/** Times begin with 2030-01-01T00:00:00.000Z, a millisecond each. */
async function written(t: TestContext) {
  const made = testAudit(t)
  const trail = await made.open()
  trail.note({ kind: 'start', outcome: 'done', what: { version: '1' } })
  trail.note({ kind: 'login', outcome: 'done', who: { username: 'alice', clientid: 'a' }, from: place })
  trail.note({
    kind: 'refusal',
    outcome: 'refused',
    who: { username: 'mallory\u001b[2J', clientid: 'm', proven: false },
    from: { ...place, address: '198.51.100.1' },
    what: { rule: 'wrong password' },
  })
  trail.note({
    kind: 'command',
    outcome: 'done',
    who: { username: 'admin', clientid: 'ctl' },
    what: { command: 'createClient', given: { username: 'bob', password: 'hunter2' } },
    after: { client: { username: 'bob' } },
  })
  await trail.close()
  return made
}

const numbers = (stdout: string) => [...stdout.matchAll(/^\S+ #(\d+) /gm)].map(([, seq]) => Number(seq))

test('cli section 2, audit tail: the last records, a line each, escaped; -n says how many, -o json has them as they stand', async t => {
  const { path } = await written(t)
  const { code, stdout, stderr } = await run('tail', path)
  assert.deepEqual([code, stderr], [0, ''])
  const [, login, refusal, command] = stdout.split('\n')
  assert.equal(login, '2030-01-01T00:00:00.001Z #2 login done a/alice from 192.0.2.7:40000 on 8883')
  assert.match(refusal ?? '', /#3 refusal refused m\/mallory\\x1b\[2J \(claimed\) from .* rule="wrong password"$/)
  assert.match(
    command ?? '',
    /given=\{"username":"bob","password":"\*\*\*\*\*"\} after=\{"client":\{"username":"bob"\}\}$/,
  )
  assert.doesNotMatch(stdout, /hunter2|\u001b/)
  assert.deepEqual(numbers((await run('tail', path, '-n', '2')).stdout), [3, 4])
  assert.equal((await run('tail', path, '-n', '0')).stdout, '')
  assert.equal((await run('tail', path, '-o', 'json')).stdout, readFileSync(path, 'utf8'))
})

test('cli section 2, audit search: by user, client, address, kind, outcome, command, time and text, which all have to hold', async t => {
  const { path } = await written(t)
  const cases: readonly (readonly [args: readonly string[], found: readonly number[]])[] = [
    [[], [1, 2, 3, 4]],
    [['--user', 'alice'], [2]],
    [['--client', 'ctl'], [4]],
    [['--address', '198.51.100.1'], [3]],
    [
      ['--kind', 'login', '--kind', 'refusal'],
      [2, 3],
    ],
    [['--outcome', 'refused'], [3]],
    [['--command', 'CREATECLIENT'], [4]],
    [
      ['--since', '2030-01-01T00:00:00.001Z', '--until', '2030-01-01T00:00:00.003Z'],
      [2, 3],
    ],
    [['--text', '"username":"bob"'], [4]],
    [['--user', 'admin', '--kind', 'command'], [4]],
    [['--user', 'admin', '--kind', 'login'], []],
    [['--until', '5m'], []],
  ]
  for (const [args, found] of cases) {
    const { code, stdout } = await run('search', path, ...args)
    assert.deepEqual([code, numbers(stdout)], [found.length > 0 ? 0 : 3, found], args.join(' '))
  }
  const json = (await run('search', path, '--user', 'alice', '-o', 'json')).stdout
  assert.equal(JSON.parse(json).who.clientid, 'a')
})

test('cli section 2, audit search: words that are none, times that are none and missing operands are 2, missing files 1', async t => {
  const { path } = await written(t)
  for (const args of [
    ['search'],
    ['search', path, '--kind', 'logins'],
    ['search', path, '--outcome', 'ok'],
    ['search', path, '--since', 'yesterday'],
    ['tail', path, '-n', 'x'],
    ['verify', path, '--expect', 'abc'],
    ['verify', path, path],
    ['show', path],
    [],
  ]) {
    assert.equal((await run(...args)).code, 2, args.join(' '))
  }
  const missing = await run('verify', `${path}.nowhere`)
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /nowhere' cannot be read: no such file or directory\n$/)
  for (const action of ['tail', 'search', 'verify']) {
    assert.match((await run(action, '--help')).stdout, new RegExp(`^Usage: castellan audit ${action} FILE`))
  }
})

test('cli section 2, audit verify: whole is 0; otherwise 7, with the file, the line and why, also as JSON', async t => {
  const { path, records } = await written(t)
  const last = records().at(-1)?.hash ?? ''
  const whole = await run('verify', path, '--expect', last.toUpperCase())
  assert.deepEqual([whole.code, whole.stderr], [0, ''])
  assert.match(
    whole.stdout,
    new RegExp(`^whole: 4 records, from 1 to 4, files: 1\nlast hash: ${last}\nhead: record 4 was`),
  )
  assert.match(whole.stdout, /\nexpected hash: that of record 4\n$/)
  writeFileSync(path, readFileSync(path, 'utf8').replace('alice', 'alicf'))
  const changed = await run('verify', path)
  assert.deepEqual(
    [changed.code, changed.stdout.split('\n')[0]],
    [7, 'whole up to here: 1 records, from 1 to 1, files: 1'],
  )
  assert.equal(
    changed.stderr,
    `castellan audit verify: ${path}:2: its content does not have the hash that it carries\n`,
  )
  const asJson = JSON.parse((await run('verify', path, '-o', 'json')).stdout)
  assert.deepEqual([asJson.version, asJson.isWhole, asJson.fault.line], [1, false, 2])
  // The others of a damaged audit can still be looked at.
  const rest = await run('tail', path)
  assert.deepEqual([rest.code, numbers(rest.stdout)], [7, [1, 3, 4]])
})

test('cli section 2, audit tail -f: shows what comes, once, through rotations', async t => {
  const made = testAudit(t, { audit_max_file_bytes: 65_536 })
  const trail = await made.open()
  trail.note(commandEvent('begun'))
  await trail.written()
  const castellan = resolve(import.meta.dirname, '../../../bin/castellan')
  const follower = startProgram(t, castellan, ['audit', 'tail', '-f', made.path, '-n', '5'])
  await follower.waitForLine(/#1 .*command=begun$/)
  for (let i = 0; i < 300; i++) {
    for (let j = 0; j < 10; j++) trail.note(commandEvent('x'.repeat(50)))
    await trail.written()
  }
  trail.note(commandEvent('ended'))
  await trail.close()
  await follower.waitForLine(/command=ended$/)
  const shown = numbers(`${follower.stdout.join('\n')}\n`)
  assert.deepEqual(
    shown,
    made.records().map(({ seq }) => seq),
  )
})

test('cli section 2, audit: a line that is being written is not shown yet', async t => {
  const { path } = await written(t)
  appendFileSync(path, '{"seq":5')
  const { code, stdout, stderr } = await run('tail', path)
  assert.deepEqual([code, numbers(stdout), stderr], [0, [1, 2, 3, 4], ''])
  assert.equal((await run('search', path, '--user', 'alice')).code, 0)
  assert.match((await run('verify', path)).stdout, /behind the last record stands a part of another/)
})

test('audit tail: a name that reads like more than a name stands in quotes', async t => {
  const made = testAudit(t)
  const trail = await made.open()
  const who = { clientid: 'c/root', username: 'x from 10.0.0.1:1 on 8883 rule="ok"' }
  trail.note({ kind: 'login', outcome: 'done', who, from: place, what: { reason: 'a=b', topic: 'a/b' } })
  await trail.close()
  const { stdout } = await run('tail', made.path)
  const names = '"c/root"/"x from 10.0.0.1:1 on 8883 rule=\\x22ok\\x22"'
  const rest = 'from 192.0.2.7:40000 on 8883 reason="a=b" topic=a/b'
  assert.equal(stdout, `2030-01-01T00:00:00.000Z #1 login done ${names} ${rest}\n`)
})

test('audit verify, tail: what somebody has written into the file steers no terminal', async t => {
  const { path } = await written(t)
  const [first = ''] = readFileSync(path, 'utf8').split('\n')
  const steering = '\u009b2J\u202e'
  const end = { seq: 1, hash: JSON.parse(first).hash }
  const lineWith = (what: object) => {
    const event = { time: '2030-01-01T00:00:00.000Z', kind: 'audit', outcome: 'failed', what }
    return seal(JSON.stringify(event).slice(1, -1), end).line
  }
  writeFileSync(path, `${first}\n${lineWith({ event: 'cut', head: steering })}`)
  for (const args of [['verify'], ['tail'], ['tail', '-o', 'json'], ['verify', '-o', 'json']]) {
    const [action = '', ...options] = args
    const { stdout, stderr } = await run(action, path, ...options)
    assert.doesNotMatch(`${stdout}${stderr}`, /[\u009b\u202e]/, args.join(' '))
  }
  assert.match((await run('verify', path)).stderr, /before record 2 was written: \\x9b2J\\u\{202e\} were$/m)
})
