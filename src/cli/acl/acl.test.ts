import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { runCommand } from '../../../test/support/command.ts'
import { acl } from './acl.ts'

function directory(t: TestContext): (name: string, text: string) => string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-acl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return (name, text) => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
}

const rules = 'topic read news\nuser bob\ntopic a/#\ntopic deny a/secret\npattern write up/%c\n'

test('cli 2: acl check prints the decision, the rule, what it looked at, what else would decide, and whom it asked', async t => {
  const file = directory(t)('acl', rules)
  const { code, stdout, stderr } = await runCommand(acl, ['check', 'bob', 'publish', 'a/secret', '--acl-file', file])
  assert.deepEqual([code, stderr], [1, ''])
  assert.equal(
    stdout,
    `  DENY   decided by  ${file}:4  topic deny a/secret  of user 'bob'
  looked at 3 rules, 2 matched; without that rule: ALLOW by ${file}:3  topic readwrite a/#  of user 'bob'
  asked  the broker's own rules, acl_file
`,
  )
  const allowed = await runCommand(acl, ['check', 'bob', 'write', 'up/bob', '--acl-file', file])
  assert.equal(allowed.code, 0)
  assert.match(
    allowed.stdout,
    /^ {2}ALLOW {2}decided by .*:5 {2}pattern write up\/%c\n {2}looked at 3 rules, 1 matched; /,
  )
  const nothing = await runCommand(acl, ['check', '-', 'read', 'other', '--acl-file', file])
  assert.match(
    nothing.stdout,
    / {2}looked at 2 rules, none matched\n {2}asked {2}the broker's own rules, acl_file, default\n/,
  )
})

test('acl check: %c is the client id of --id, and without it the name', async t => {
  const file = directory(t)('acl', rules)
  const code = async (...args: readonly string[]) =>
    (await runCommand(acl, ['check', ...args, '--acl-file', file])).code
  assert.equal(await code('x', 'publish', 'up/x'), 0)
  assert.equal(await code('x', 'publish', 'up/x', '--id', 'y'), 1)
  assert.equal(await code('x', 'publish', 'up/y', '--id', 'y'), 0)
})

test('acl check: a will and a retained message are told of, and no will goes to $CONTROL', async t => {
  const file = directory(t)('acl', 'user bob\ntopic $CONTROL/#\ntopic a\n')
  const check = (...args: readonly string[]) => runCommand(acl, ['check', 'bob', ...args, '--acl-file', file])
  assert.equal((await check('publish', '$CONTROL/broker/v1')).code, 0)
  const will = await check('publish', '$CONTROL/broker/v1', '--will')
  assert.deepEqual([will.code, /no will goes to \$CONTROL/.test(will.stdout)], [1, true])
  const both = await check('publish', 'a', '--will', '--retain')
  assert.equal(both.code, 0)
  assert.match(both.stdout, /note {3}the broker's own rules: a will is judged when it is sent, /)
  assert.match(both.stdout, /note {3}the broker's own rules: whoever a retained message is sent to later /)
  assert.equal((await check('subscribe', 'a', '--will')).code, 2)
})

test('acl check -o json: what is in a name steers no terminal, and means the same to a program', async t => {
  const file = directory(t)('acl', rules)
  const client = 'a\u202e\u{e0041}'
  const { stdout } = await runCommand(acl, ['check', client, 'publish', 'a', '--acl-file', file, '-o', 'json'])
  assert.match(stdout, /^[\x20-\x7e\n]+$/)
  assert.equal(JSON.parse(stdout).client.username, client)
})

test('acl check -o json: the same for programs, with the parts of the rule', async t => {
  const file = directory(t)('acl', rules)
  const args = ['check', 'bob', 'publish', 'a/secret', '--acl-file', file, '-o', 'json']
  const { code, stdout } = await runCommand(acl, args)
  assert.equal(code, 1)
  const { version, client, answers } = JSON.parse(stdout)
  const [{ sources, ...answer }] = answers
  const rule = (line: number, access: string, topic: string) => ({
    allows: access !== 'deny',
    text: `${file}:${line}  topic ${access} ${topic}  of user 'bob'`,
    details: { file, line, kind: 'topic', access, topic, username: 'bob' },
  })
  assert.deepEqual([version, client, answers.length], [1, { username: 'bob', clientid: 'bob' }, 1])
  assert.deepEqual(answer, {
    listeners: ['files'],
    ...{ action: 'publish', topic: 'a/secret', isWill: false, isRetained: false, allowed: false },
    decidedBy: rule(4, 'deny', 'a/secret'),
    without: rule(3, 'readwrite', 'a/#'),
  })
  assert.deepEqual(
    sources.map(({ name }: { name: string }) => name),
    ['broker', 'acl_file', 'default'],
  )
})

test('acl check -c: each listener has its own rules and mount point; those alike stand together, and one no is a no', async t => {
  const write = directory(t)
  const [one, two] = [write('one', 'topic a/#\n'), write('two', 'topic b/#\n')]
  const config = write(
    'mosquitto.conf',
    `per_listener_settings true
listener 1883 127.0.0.1
acl_file ${one}
listener 1884 127.0.0.1
acl_file ${one}
listener 1885 127.0.0.1
acl_file ${two}
mount_point b/
`,
  )
  const check = (...args: readonly string[]) => runCommand(acl, ['check', ...args, '-c', config])
  const { code, stdout } = await check('-', 'publish', 'a/x')
  assert.equal(code, 0)
  assert.match(
    stdout,
    /^listeners 127\.0\.0\.1:1883, 127\.0\.0\.1:1884:\n {2}ALLOW .*\/one:1 {2}topic readwrite a\/#$/m,
  )
  assert.match(stdout, /^listener 127\.0\.0\.1:1885:\n {2}ALLOW .*\/two:1 {2}topic readwrite b\/#$/m)
  assert.equal((await check('-', 'publish', 'x')).code, 1)
  assert.equal((await check('-', 'publish', 'x', '--listener', '1885')).code, 0)
  assert.equal((await check('-', 'publish', 'x', '--listener', '127.0.0.1:1883')).code, 1)
  const unknown = await check('-', 'publish', 'x', '--listener', '1886')
  assert.deepEqual([unknown.code, unknown.stdout], [2, ''])
  assert.match(
    unknown.stderr,
    /no listener '1886'; there are 127\.0\.0\.1:1883, 127\.0\.0\.1:1884, 127\.0\.0\.1:1885\n/,
  )
})

test('acl check -c: a shared subscription is judged with its share name before the mount point', async t => {
  const write = directory(t)
  const acls = [{ acltype: 'subscribeLiteral', topic: '$share/g/m/a', allow: true }]
  const file = write(
    'd.json',
    JSON.stringify({ clients: [{ username: 'u', roles: [{ rolename: 'r' }] }], roles: [{ rolename: 'r', acls }] }),
  )
  const plugin = 'plugin /x/mosquitto_dynamic_security.so'
  const config = write('mosquitto.conf', `listener 1883\nmount_point m/\n${plugin}\nplugin_opt_config_file ${file}\n`)
  const code = async (topic: string) => (await runCommand(acl, ['check', 'u', 'subscribe', topic, '-c', config])).code
  assert.deepEqual([await code('$share/g/a'), await code('a')], [0, 1])
})

test('acl check: names and topics cannot steer a terminal or forge a line', async t => {
  const name = 'x\u001b[2J\n  ALLOW'
  const roles = [{ rolename: name, acls: [{ acltype: 'publishClientSend', topic: '#', allow: false }] }]
  const file = directory(t)(
    'd.json',
    JSON.stringify({ clients: [{ username: 'u', roles: [{ rolename: name }] }], roles }),
  )
  const { code, stdout } = await runCommand(acl, ['check', 'u', 'publish', 'a\u0007', '--dynsec-file', file])
  assert.equal(code, 1)
  assert.match(stdout, /^ {2}DENY {3}decided by {2}role 'x\\x1b\[2J\\x0a {2}ALLOW' acl #1/)
  assert.doesNotMatch(stdout, /\u001b|\u0007/)
})

test('acl: what is wrong is told, and never looks like a denial', async t => {
  const write = directory(t)
  const file = write('acl', rules)
  for (const [args, message] of [
    [[], /^castellan acl: an action is missing; actions are check, test\n/],
    [['chekc'], /^castellan acl: unknown action 'chekc'/],
    [['check', 'u', 'publish', '--acl-file', file], /^castellan acl check: TOPIC is missing\n/],
    [
      ['check', 'u', 'fly', 't', '--acl-file', file],
      /: unknown action 'fly'; actions are publish, receive, subscribe, unsubscribe\n/,
    ],
    [['check', 'u', 'publish', 'a/#', '--acl-file', file], /: topic name "a\/#" contains a wildcard/],
    [['check', 'u', 'subscribe', '$share/g', '--acl-file', file], /: shared subscription .* has no topic filter/],
    [['check', 'u', 'publish', 't'], /: whose rules\? -c mosquitto\.conf, --acl-file or --dynsec-file/],
    [['check', 'u', 'publish', 't', '-c', file, '--acl-file', file], /: -c names the files itself/],
    [['check', 'u', 'publish', 't', '--acl-file', file, '--listener', '1'], /: --listener goes with -c\n/],
    [['check', 'u', 'publish', 't', '--acl-file', `${file}.x`], /: Error: Unable to open acl_file ".*acl\.x"\./],
    [['check', 'u', 'publish', 't', '--dynsec-file', `${file}.x`], /: there is no file '.*acl\.x'\n/],
    [['check', 'u', 'publish', 't', '--dynsec-file', file], /cannot be used: it is not JSON|it is not JSON/],
    [['check', 'u', 'publish', 't', '-c', `${file}.x`], /acl\.x/],
    [['check', 'u', 'publish', 't', '-c', write('bad.conf', 'nonsense 1\n')], /nonsense/],
    [['check', 'u', 'publish', 't', '--acl-file', file, '-o', 'yaml'], /: -o yaml is not written here/],
    [['test', `${file}.x`, '--acl-file', file], /: stat '.*acl\.x' failed \(/],
    [['test', file, '--acl-file', file, '--format', 'xml'], /: --format 'xml' is none of tap, junit\n/],
    [['test', write('empty', '# nothing\n'), '--acl-file', file], /expects nothing: it has no line but comments\n/],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(acl, args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
  }
  const help = await runCommand(acl, ['check', '--help'])
  assert.deepEqual([help.code, help.stderr], [0, ''])
  assert.match(help.stdout, /^Usage: castellan acl check CLIENT ACTION TOPIC/)
})

const table = `# who may do what
allow bob publish a/x
deny  bob publish a/secret   retain

deny  -   receive "two words"
allow bob write   up/c1 id=c1
allow -   read    news       id="x y"
deny  bob publish a=b/c
`

test('cli 2: acl test prints TAP, and 0 when all is as expected', async t => {
  const write = directory(t)
  const { code, stdout, stderr } = await runCommand(acl, [
    'test',
    write('table', table),
    '--acl-file',
    write('acl', rules),
  ])
  assert.deepEqual([code, stderr], [0, ''])
  const lines = stdout.split('\n')
  assert.deepEqual(lines.slice(0, 3), ['TAP version 14', '1..6', 'ok 1 - line 2: allow bob publish a/x'])
  assert.equal(lines.filter(line => line.startsWith('ok ')).length, 6)
})

test('cli 2: acl test names the deciding rule of what is not as expected, and ends with 1', async t => {
  const write = directory(t)
  const [file, expected] = [write('acl', rules), write('table', 'allow bob publish a/secret\nallow bob subscribe #\n')]
  const { code, stdout } = await runCommand(acl, ['test', expected, '--acl-file', file])
  assert.equal(code, 1)
  assert.equal(
    stdout,
    `TAP version 14
1..2
not ok 1 - line 1: allow bob publish a/secret
  ---
  line: 1
  expected: ALLOW
  decided:
    - "DENY by ${file}:4  topic deny a/secret  of user 'bob'"
  ...
ok 2 - line 2: allow bob subscribe \\#
`,
  )
})

test('acl test --format junit: one case a line, with what CI servers show of a failure', async t => {
  const write = directory(t)
  const file = write('acl', rules)
  const expected = write('t', 'allow bob publish "a/<\\"&>"\ndeny bob publish "a/<b>"\n')
  const { code, stdout } = await runCommand(acl, ['test', expected, '--acl-file', file, '--format', 'junit'])
  assert.equal(code, 1)
  assert.equal(
    stdout,
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" failures="1" errors="0">
  <testsuite name="${expected}" tests="2" failures="1" errors="0">
    <testcase classname="${expected}" name="line 1: allow bob publish &quot;a/&lt;\\\\&quot;&amp;&gt;&quot;"/>
    <testcase classname="${expected}" name="line 2: deny bob publish &quot;a/&lt;b&gt;&quot;">
      <failure message="expected DENY, got ALLOW by ${file}:3  topic readwrite a/#  of user 'bob'">ALLOW by ${file}:3  topic readwrite a/#  of user 'bob'</failure>
    </testcase>
  </testsuite>
</testsuites>
`,
  )
})

test('acl test: a line that is no expectation is refused with its number', async t => {
  const write = directory(t)
  const file = write('acl', rules)
  for (const [line, message] of [
    ['maybe bob publish a', /:2: 'maybe' is neither allow nor deny\n/],
    ['allow bob publish', /:2: an expectation is allow or deny, a client, an action and a topic\n/],
    ['allow bob fly a', /:2: unknown action 'fly'/],
    ['allow bob publish a/#', /:2: topic name "a\/#" contains a wildcard/],
    ['allow bob publish a soon', /:2: 'soon' is none of id=ID, cert=FILE, ip=ADDRESS, qos=N, retain and will\n/],
    ['allow bob publish a name=x', /:2: 'x' is none of id=ID, cert=FILE, ip=ADDRESS, qos=N, retain and will\n/],
    ['allow bob receive a will', /:2: a will is published, 'receive' has none\n/],
    ['allow bob publish "a', /:2: a quote in '"a' does not end a word\n/],
    ['allow bob publish "a\\x"', /:2: "a\\\\x" is no string of JSON\n/],
  ] as const) {
    const expected = write('t', `# first\n${line}\n`)
    const { code, stdout, stderr } = await runCommand(acl, ['test', expected, '--acl-file', file])
    assert.deepEqual([code, stdout], [2, ''], line)
    assert.match(stderr, message)
  }
})
