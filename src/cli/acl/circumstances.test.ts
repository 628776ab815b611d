// `castellan acl` with what a client brings beside its name: a certificate, an address, a QoS.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { Authority } from '../../../test/support/authority.ts'
import { runCommand } from '../../../test/support/command.ts'
import { acl } from './acl.ts'

const authority = await Authority.create('/O=Plant CA/CN=Test Authority')
const san = 'subjectAltName=DNS:sensor-7.plant.example'
const sensor = await authority.issue({ subject: '/O=Plant/OU=Line 2/CN=sensor 7', extensions: [san] })
const nameless = await authority.issue({ subject: '/O=Plant', extensions: [san] })

const allow = (topic: string) => ({ acltype: 'publishClientSend', topic, allow: true })
const dynsec = {
  clients: [{ username: 'alice', roles: [{ rolename: 'own' }] }],
  roles: [
    { rolename: 'own', acls: [allow('own/#')] },
    { rolename: 'plant', acls: [allow('plant/%{cert.cn}/#')] },
  ],
}
const mutual = 'certfile server.crt\nkeyfile server.key\ncafile ca.crt\nrequire_certificate true\n'

interface Question {
  check(...args: readonly string[]): ReturnType<typeof runCommand>
  write(name: string, text: string): string
  readonly config: string
}

function listener(t: TestContext, lines: string): Question {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-acl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const write = (name: string, text: string) => {
    const path = join(dir, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const plugin = `plugin /x/mosquitto_dynamic_security.so\nplugin_opt_config_file ${write('d.json', JSON.stringify(dynsec))}\n`
  const config = write('mosquitto.conf', `listener 8883 127.0.0.1\n${plugin}${lines}`)
  return { write, config, check: (...args) => runCommand(acl, ['check', ...args, '-c', config]) }
}

test('cli 2: acl check --as-cert takes name, role and %{cert.cn} from the certificate, as the listener does', async t => {
  const { check } = listener(t, `${mutual}use_identity_as_username true\ncertificate_role plant subject.OU=Line 2\n`)
  const { code, stdout, stderr } = await check('-', 'publish', 'plant/sensor 7/up', '--as-cert', sensor.cert)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(
    stdout,
    /^ {2}ALLOW {2}decided by {2}role 'plant' acl #1 \(priority 0\): publishClientSend allow plant\//,
  )
  assert.match(stdout, /note {3}the broker's own rules: by this certificate \(cn\) the user name is 'sensor 7'\n/)
  assert.match(stdout, /note {3}the broker's own rules: by this certificate: role 'plant'\n/)
  assert.equal((await check('-', 'publish', 'plant/sensor 8/up', '--as-cert', sensor.cert)).code, 1)
  assert.equal((await check('-', 'publish', 'plant/sensor 7/up')).code, 1, 'and nothing without it')
})

test('acl check --as-cert: where the certificate is the name, who is typed counts for nothing, and one without it is refused', async t => {
  const { check } = listener(t, `${mutual}use_identity_as_username true\n`)
  assert.equal((await check('alice', 'publish', 'own/x')).code, 0)
  const other = await check('alice', 'publish', 'own/x', '--as-cert', sensor.cert)
  assert.deepEqual([other.code, /the user name is 'sensor 7'/.test(other.stdout)], [1, true])
  const refused = await check('alice', 'publish', 'own/x', '--as-cert', nameless.cert)
  assert.equal(refused.code, 1)
  assert.match(refused.stdout, /^ {2}DENY {3}decided by {2}client certificate without cn\n/)
})

test('acl check --as-cert: beside a password it gives its roles, to whom certificate_username_match says', async t => {
  const role = 'certificate_role plant san.dns=*.plant.example\n'
  const beside = listener(t, `${mutual}${role}`)
  const topic = 'plant/sensor 7/up'
  assert.equal((await beside.check('alice', 'publish', topic, '--as-cert', sensor.cert)).code, 0)
  assert.equal((await beside.check('alice', 'publish', 'own/x', '--as-cert', sensor.cert)).code, 0)
  const matching = listener(t, `${mutual}${role}certificate_username_match cn\n`)
  const other = await matching.check('alice', 'publish', topic, '--as-cert', sensor.cert)
  assert.equal(other.code, 1)
  assert.match(other.stdout, /decided by {2}certificate_username_match: the certificate is of another user\n/)
  assert.equal((await matching.check('sensor 7', 'publish', topic, '--as-cert', sensor.cert)).code, 0)
})

test('acl check --as-cert: a listener that asks nobody for a certificate does not look at one, and says so', async t => {
  const { check } = listener(t, 'allow_anonymous true\n')
  const { code, stdout } = await check('alice', 'publish', 'plant/sensor 7/up', '--as-cert', sensor.cert)
  assert.equal(code, 1)
  assert.match(
    stdout,
    /note {3}the broker's own rules: the listener asks nobody for a certificate: it is not looked at\n/,
  )
})

test('acl check --as-cert: without a listener it stands for %{cert.…} alone', async t => {
  const { write } = listener(t, '')
  const file = write('acl', 'pattern write plants/%{cert.subject.O}/#\n')
  const check = (...args: readonly string[]) =>
    runCommand(acl, ['check', 'bob', 'publish', 'plants/Plant/x', '--acl-file', file, ...args])
  assert.deepEqual([(await check('--as-cert', sensor.cert)).code, (await check()).code], [0, 1])
})

test('cli 2: acl check --ip asks the bans: of the address, the name and the client id, while they last', async t => {
  const { check, write } = listener(t, 'allow_anonymous true\n')
  const bans = write(
    'bans.json',
    JSON.stringify({
      bans: [
        { address: '192.0.2.7', until: '2999-01-01T00:00:00Z', reason: 'too many connections' },
        { address: '192.0.2.8', until: '2001-01-01T00:00:00Z' },
        { clientid: 'c9' },
      ],
    }),
  )
  const question = listener(t, `allow_anonymous true\nban_file ${bans}\n`)
  const from = (ip: string, ...args: readonly string[]) =>
    question.check('alice', 'publish', 'own/x', '--ip', ip, ...args)
  const banned = await from('192.0.2.7')
  assert.equal(banned.code, 1)
  assert.match(
    banned.stdout,
    /^ {2}DENY {3}decided by {2}the address '192\.0\.2\.7' is banned until 2999-01-01T00:00:00\.000Z: too many connections\n.*; without that rule: ALLOW by role 'own' acl #1/,
  )
  assert.equal((await from('192.0.2.8')).code, 0, 'a ban that is over')
  assert.equal((await from('192.0.2.9')).code, 0)
  assert.match((await from('192.0.2.9', '--id', 'c9')).stdout, /decided by {2}the clientid 'c9' is banned\n/)
  assert.equal((await question.check('alice', 'publish', 'own/x')).code, 0, 'who comes from nowhere is not asked about')
  assert.equal((await check('alice', 'publish', 'own/x', '--ip', '192.0.2.7')).code, 0, 'without ban_file')
})

test('cli 2: acl check --qos asks max_qos: publishing above it is denied, a subscription is granted less', async t => {
  const { check } = listener(t, 'allow_anonymous true\nmax_qos 1\n')
  assert.equal((await check('alice', 'publish', 'own/x', '--qos', '1')).code, 0)
  const above = await check('alice', 'publish', 'own/x', '--qos', '2')
  assert.equal(above.code, 1)
  assert.match(above.stdout, /decided by {2}max_qos 1 of the listener: who publishes at QoS 2 is disconnected\n/)
  const will = await check('alice', 'publish', 'own/x', '--qos', '2', '--will')
  assert.match(will.stdout, /decided by {2}max_qos 1 of the listener: a CONNECT with a will at QoS 2 is refused\n/)
  const granted = (qos: string) => check('alice', 'subscribe', 'own/x', '--qos', qos)
  assert.match((await granted('2')).stdout, /: where it is allowed, QoS 1 is granted\n/)
  assert.match((await granted('0')).stdout, /: where it is allowed, QoS 0 is granted\n/)
})

test('cli 2: acl test takes all three for a line, or for all lines; a certificate is looked for beside the table', async t => {
  const { config, write } = listener(
    t,
    `${mutual}use_identity_as_username true\ncertificate_role plant cn=*\nmax_qos 1\n`,
  )
  write('sensor.crt', readFileSync(sensor.cert, 'utf8'))
  const run = (table: string, ...args: readonly string[]) =>
    runCommand(acl, ['test', write('table', table), '-c', config, ...args])
  const lines = `allow - publish "plant/sensor 7/x" cert=sensor.crt ip=192.0.2.1 qos=1
deny - publish "plant/sensor 7/x" cert=sensor.crt qos=2
deny - publish "plant/sensor 7/x"
`
  const { code, stdout, stderr } = await run(lines)
  assert.deepEqual([code, stderr], [0, ''], stdout)
  assert.equal((await run('allow - publish "plant/sensor 7/x"\n', '--as-cert', sensor.cert)).code, 0)
  assert.equal((await run('allow - publish "plant/sensor 7/x"\n', '--as-cert', sensor.cert, '--qos', '2')).code, 1)
  assert.equal(
    (await run('allow - publish "plant/sensor 7/x" qos=1\n', '--as-cert', sensor.cert, '--qos', '2')).code,
    0,
  )
  const missing = await run('allow - publish x cert=none.crt\n')
  assert.deepEqual([missing.code, missing.stdout], [2, ''])
  assert.match(missing.stderr, /none\.crt/)
})

test('acl check: what nobody can come by is refused, and is no denial', async t => {
  const { check, write } = listener(t, 'allow_anonymous true\n')
  for (const [args, message] of [
    [['publish', 'a', '--ip', '192.0.2'], /: '192\.0\.2' is no IP address\n/],
    [['publish', 'a', '--qos', '3'], /: '3' is no QoS: it is 0, 1 or 2\n/],
    [['receive', 'a', '--qos', '1'], /: a QoS goes with publish and subscribe, 'receive' has none\n/],
    [['publish', 'a', '--as-cert', write('x', 'secret text')], /: '.*\/x' has no certificate in it\n/],
    [['publish', 'a', '--as-cert', '/nowhere.crt'], /nowhere\.crt/],
  ] as const) {
    const { code, stdout, stderr } = await check('alice', ...args)
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /secret/)
  }
})
