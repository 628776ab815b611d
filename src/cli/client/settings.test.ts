// What the command line and the options file of our clients come to, and what they refuse; and that every option has a line in the help.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { clientHelp } from './help.ts'
import { optionNames, type Tool } from './options.ts'
import { connectOf, readClientSettings } from './settings.ts'
import { readClientUrl, readProxyUrl } from './urls.ts'

const nowhere = { HOME: '/nonexistent' }
const tools: readonly Tool[] = ['pub', 'sub', 'rr']

function scratch(t: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-client-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  mkdirSync(join(dir, '.config'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

const sub = (...args: readonly string[]) => readClientSettings(['-t', 'a', ...args], 'sub', nowhere)

test('cli 5: the options file is read first, the command line goes before it, but topics add up', t => {
  const text = '# a comment\n-h file.example\n-t from file\r\n\n  -q 1\n-v\n-P two words\n-u me\n'
  const dir = scratch(t, { mosquitto_sub: text, '.config/mosquitto_sub': text })
  const args = ['-h', 'typed.example', '-t', 'typed']
  for (const env of [{ XDG_CONFIG_HOME: dir, HOME: '/nonexistent' }, { HOME: dir }]) {
    const options = readClientSettings(args, 'sub', env)
    assert.deepEqual(options.topics, ['from file', 'typed'])
    assert.deepEqual([options.host, options.qos, options.verbose], ['typed.example', 1, true])
    assert.deepEqual([options.username, options.password], ['me', 'two words'])
  }
  assert.throws(() => readClientSettings(['-t', 'a'], 'rr', { HOME: dir }), /All of topic/, "another tool's file")
})

test('cli 5: -o names the options file, which has to be there, once; a mistake in it has its line', t => {
  const dir = scratch(t, { good: '-q 2', bad: '-q 2\n-C none\n' })
  assert.equal(readClientSettings(['-t', 'a', '-o', join(dir, 'good')], 'sub', nowhere).qos, 2)
  const bad = () => readClientSettings(['-t', 'a', '-o', join(dir, 'bad')], 'sub', nowhere)
  assert.throws(bad, { code: 'ERR_CLI_CLIENT_USAGE', message: /Invalid message count "none"\. \(.*bad, line 2\)$/ })
  assert.throws(() => sub('-o', join(dir, 'none')), { code: 'ERR_CLI_CLIENT', message: /no such file or directory/ })
  assert.throws(() => sub('-o', 'a', '-o', 'b'), { message: /Duplicate -o/ })
})

test('cli 5: a password is never quoted, and a pasted dash is named', () => {
  assert.throws(() => sub('-Psecret'), { message: /^Error: Unknown option '-P…'\.$/ })
  assert.throws(() => sub('-L', 'mqt://u:secret@h/t'), { message: 'Error: Unsupported URL scheme.' })
  assert.throws(() => sub('–cafile', 'x'), { message: /an en dash \(U\+2013\), not with two hyphens: type '--cafile'/ })
  assert.throws(() => sub('–t', 'x'), { message: /type '-t'/ })
})

test('cli 5: 2.1 takes -U alone, an infinite session needs a name, and -x is MQTT 5', () => {
  assert.deepEqual(readClientSettings(['-U', 'a'], 'sub', nowhere).unsubscribe, ['a'])
  for (const expiry of ['-1', '∞', '4294967295', '0xffffffff']) {
    assert.throws(() => sub('-x', expiry), { message: /client id if you are using an infinite session/ })
    assert.equal(sub('-x', expiry, '-i', 'me').sessionExpiry, 0xffff_ffff)
  }
  assert.equal(sub('-x', '60').version, 5)
})

test('cli 5: CONNECT has what was asked for, and no more messages on their way than are counted', () => {
  const options = sub('-V', '5', '-i', 'me', '-c', '-C', '3', '-k', '9', '--will-topic', 'w', '--will-payload', 'gone')
  const { clientId, cleanStart, keepAlive, will, properties } = connectOf(options, 'sub', 'secret')
  assert.deepEqual([clientId, cleanStart, keepAlive], ['me', false, 9])
  assert.deepEqual([will?.topicName, String(will?.payload), will?.qos], ['w', 'gone', 0])
  assert.deepEqual(properties, { receiveMaximum: 3, sessionExpiryInterval: 0xffff_ffff })
})

test('cli 5: before MQTT 3.1.1 a client has to have a name, and later the broker makes one up', () => {
  assert.match(connectOf(sub('-V', '31'), 'sub', undefined).clientId, /^mosq-[0-9A-Za-z]{18}$/)
  assert.equal(connectOf(sub('-V', '311'), 'sub', undefined).clientId, '')
  assert.equal(connectOf(sub('-I', 'x'), 'sub', undefined).clientId, `x${process.pid}`)
  assert.equal(
    connectOf(readClientSettings(['-t', 'a', '-m', 'b', '-e', 'c'], 'rr', nowhere), 'rr', undefined).protocolVersion,
    5,
  )
})

test('cli 5: -L says scheme, user, host, port and topic', () => {
  assert.deepEqual(readClientUrl('mqtts://u:p:q@h/a/b'), {
    ...{ topic: 'a/b', host: 'h', port: 8883, osCertificates: true, username: 'u', password: 'p:q' },
  })
  assert.deepEqual(readClientUrl('WS://[::1]:80/t'), { topic: 't', host: '::1', port: 80, webSocket: true })
  for (const wrong of ['mqtt://h', 'mqtt://h:0/t', 'mqtt://h:x/t', 'h/t', 'constructor://h/t']) {
    assert.throws(() => readClientUrl(wrong), { code: 'ERR_CLI_CLIENT_USAGE' }, wrong)
  }
})

test('cli 5: --proxy says user, password, host and port', () => {
  const plain = { host: 'h', port: 1080, username: undefined, password: undefined }
  assert.deepEqual(readProxyUrl('socks5h://h'), plain)
  assert.deepEqual(readProxyUrl('socks5h://u%40:p%3A%25@[::1]:9'), {
    host: '::1',
    port: 9,
    username: 'u@',
    password: 'p:%',
  })
  for (const wrong of ['socks5://h', 'socks5h://', 'socks5h://u:p:q@h', 'socks5h://h:0', 'socks5h://%zz@h']) {
    assert.throws(() => readProxyUrl(wrong), { code: 'ERR_CLI_CLIENT_USAGE' }, wrong)
  }
})

for (const [args, reason] of [
  [['--tls-engine', 'x'], /OpenSSL 3 and later have no engines/],
  [['--tls-engine-kpass-sha1', 'x'], /no engines/],
  [['--keyform', 'engine'], /no engines/],
  [['--mptcp'], /several paths/],
  [['-q', 'x'], /Invalid QoS given: x/],
  [['-p', '18x'], /Invalid port given: 18x/],
  [['--password-stdin', '-x', 'y'], /not a number/],
] as const) {
  test(`cli 5: ${args.join(' ')} is refused and said why`, () => {
    assert.throws(() => sub(...args), { code: 'ERR_CLI_CLIENT_USAGE', message: reason })
  })
}

for (const tool of tools) {
  test(`cli 5: castellan ${tool} --help has a line for every option`, () => {
    const page = clientHelp({ tool, shown: `castellan ${tool}`, isOld: false })
    const refused = ['--help', '--version', '--mptcp', '--message-rate', '--tls-engine', '--tls-engine-kpass-sha1']
    const untold = optionNames(tool).filter(
      name => !new RegExp(`[ ,]${name}[ ,]`).test(page) && !refused.includes(name),
    )
    assert.deepEqual(untold, [])
    assert.ok(page.split('\n').every(line => line.length <= 120))
  })
}
