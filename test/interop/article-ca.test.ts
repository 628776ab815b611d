// The guides to client certificates and their revocation, from their first command to their last: authorities made by our scripts under
// their old names or by openssl as printed, Debian's clients, and no restart.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, type TestContext } from 'node:test'
import { type BrokerProcess, castellanProgram, startBroker } from '../support/broker-process.ts'
import { runTool, startSubscriber, type ToolResult } from '../support/clients.ts'
import { byPrintedCommands } from './articles.ts'

const pass = 'correct horse battery'
const defaults = ['', '', '', '', '', '']
const home = mkdtempSync(join(tmpdir(), 'castellan-article-'))
after(() => rmSync(home, { recursive: true, force: true }))
const easyCa = join(home, 'easy-ca')
execFileSync(castellanProgram, ['compat', 'install', '--dir', easyCa])

/** A new directory, where a guide has `/etc/mosquitto/certs`. */
function newCerts(): string {
  return mkdtempSync(join(home, 'certs-'))
}

function run(cwd: string, command: string, args: readonly string[], lines: readonly string[] = [], env = {}): void {
  const input = lines.map(line => `${line}\n`).join('')
  const options = { cwd, input, encoding: 'utf8', env: { ...process.env, ...env } } as const
  const { status, stdout, stderr } = spawnSync(command, args, options)
  assert.equal(status, 0, stdout + stderr)
}

/** The listener of the guides; `more` is what they add to it. */
function guideBroker(t: TestContext, certs: string, more: string): Promise<BrokerProcess> {
  return startBroker(t, {
    config: ({ port }) => `listener ${port} 127.0.0.1
cafile ${certs}/ca.crt
certfile ${certs}/hostname.crt
keyfile ${certs}/hostname.key
require_certificate true
${more}`,
  })
}

/** `mosquitto_pub --cafile ca.crt -h localhost -t test -m message …`, at QoS 1: it ends well when the broker has taken the message. */
function publish(t: TestContext, broker: BrokerProcess, ca: string, ...own: string[]): Promise<ToolResult> {
  const target = ['-h', 'localhost', '-p', String(broker.port), '--cafile', ca]
  return runTool(t, 'mosquitto_pub', [...target, '-q', '1', '-t', 'test', '-m', 'message', ...own])
}

const withKey = (certificate: string, key: string) => ['--cert', certificate, '--key', key]

test('the guide with easy-ca: create-root-ca, create-ssl, create-client; in by certificate; revoke-cert with reason 2, the list copied; out, while it runs, and who was connected, too', async t => {
  run(home, 'easy-ca/create-root-ca', ['-d', 'CA'], ['', 'example.org', 'PT', '', '', 'Example', '', '', pass, pass])
  const [ca, certs] = [join(home, 'CA'), newCerts()]
  run(ca, 'bin/create-ssl', ['-s', 'localhost'], [pass, ...defaults])
  run(ca, 'bin/create-client', ['-c', 'user1'], [pass, ...defaults])
  run(ca, 'bin/create-client', ['-c', 'user2'], [pass, ...defaults])
  copyFileSync(join(ca, 'ca/ca.crt'), join(certs, 'ca.crt'))
  copyFileSync(join(ca, 'crl/ca.crl'), join(certs, 'ca.crl'))
  copyFileSync(join(ca, 'certs/localhost.server.crt'), join(certs, 'hostname.crt'))
  copyFileSync(join(ca, 'private/localhost.server.key'), join(certs, 'hostname.key'))
  const broker = await guideBroker(t, certs, `use_identity_as_username true\ncrlfile ${certs}/ca.crl\n`)
  const of = (name: string) => withKey(join(ca, `certs/${name}.client.crt`), join(ca, `private/${name}.client.key`))
  const trusted = join(certs, 'ca.crt')
  assert.equal((await publish(t, broker, trusted, ...of('user1'))).code, 0)
  await broker.waitForLine(/u'user1'\)/)
  const target = ['-h', 'localhost', '-p', String(broker.port), '--cafile', trusted]
  await startSubscriber(t, [...target, ...of('user1'), '-i', 'listener', '-t', 'test', '-q', '1'])

  run(ca, 'bin/revoke-cert', ['-c', 'certs/user1.client.crt'], ['2', 'y', pass])
  assert.match(readFileSync(join(ca, 'ca/db/certificate.db'), 'utf8'), /keyCompromise/)
  copyFileSync(join(ca, 'crl/ca.crl'), join(certs, 'ca.crl'))
  await broker.waitForLine(/Revocation lists of ".*ca\.crl" were read again/)
  await broker.waitForLine(/Client listener \[\S+\] has to go: certificate was revoked \(key compromise\)/)
  assert.notEqual((await publish(t, broker, trusted, ...of('user1'))).code, 0)
  assert.equal((await publish(t, broker, trusted, ...of('user2'))).code, 0)
})

/** What `gen_CA.sh localhost` and `gen_CA.sh client user1` make, where the guide has it. */
function generate(): string {
  const certs = newCerts()
  run(certs, join(easyCa, 'gen_CA.sh'), ['localhost'], [], { GENCA_PLAINTEXT: '1' })
  run(certs, join(easyCa, 'gen_CA.sh'), ['client', 'user1'])
  copyFileSync(join(certs, 'localhost.crt'), join(certs, 'hostname.crt'))
  copyFileSync(join(certs, 'localhost.key'), join(certs, 'hostname.key'))
  return certs
}

/** Made once: RSA keys take their time. */
const generated = generate()

test('the guide with gen_CA.sh: no entry without a certificate or with one of another authority; with it, its name is the user; the authority taken over, it can be revoked after all', async t => {
  const certs = generated
  run(certs, 'openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=user1', '-days', '10'],
    ...['-keyout', 'other.key', '-out', 'other.crt'],
  ])
  // What the guide cannot do with this script: the same authority, with a memory.
  const ca = join(home, 'ca')
  writeFileSync(join(home, 'passphrase'), `${pass}\n`)
  const passphrase = ['--passphrase-file', join(home, 'passphrase')]
  run(home, castellanProgram, ['ca', 'import', certs, ca, ...passphrase])
  const broker = await guideBroker(t, certs, `use_identity_as_username true\ncrlfile ${ca}/crl/all.pem\n`)
  const trusted = join(certs, 'ca.crt')
  assert.notEqual((await publish(t, broker, trusted, '-u', 'user1', '-P', 'secret')).code, 0)
  await broker.waitForLine(/OpenSSL Error.*peer did not return a certificate/)
  const stranger = withKey(join(certs, 'other.crt'), join(certs, 'other.key'))
  assert.notEqual((await publish(t, broker, trusted, ...stranger)).code, 0)
  await broker.waitForLine(/OpenSSL Error.*certificate verify failed/)
  const user1 = withKey(join(certs, 'user1.crt'), join(certs, 'user1.key'))
  assert.equal((await publish(t, broker, trusted, ...user1)).code, 0)
  await broker.waitForLine(/New client connected from .* u'user1'\)/)

  run(home, castellanProgram, ['cert', 'revoke', 'user1', '--reason', 'keyCompromise', '--ca', ca, ...passphrase])
  await broker.waitForLine(/Revocation lists of ".*all\.pem" were read again/)
  assert.notEqual((await publish(t, broker, trusted, ...user1)).code, 0)
})

test('the guide without use_identity_as_username: the certificate opens the door, and user and password are asked for, whoever they name', async t => {
  const certs = generated
  const passwords = join(certs, 'passwd_mqtt')
  run(home, 'easy-ca/mosquitto_passwd', ['-c', '-b', passwords, 'somebody', 'secret'])
  const broker = await guideBroker(t, certs, `allow_anonymous false\npassword_file ${passwords}\n`)
  const trusted = join(certs, 'ca.crt')
  const user1 = withKey(join(certs, 'user1.crt'), join(certs, 'user1.key'))
  assert.equal((await publish(t, broker, trusted, ...user1)).code, 5)
  assert.equal((await publish(t, broker, trusted, ...user1, '-u', 'somebody', '-P', 'wrong')).code, 5)
  assert.equal((await publish(t, broker, trusted, ...user1, '-u', 'somebody', '-P', 'secret')).code, 0)
  await broker.waitForLine(/New client connected from .* u'somebody'\)/)
  assert.notEqual((await publish(t, broker, trusted, '-u', 'somebody', '-P', 'secret')).code, 0)
})

test('the guide with openssl alone, its commands as printed: in as demo-client; revoked by openssl ca with reason 2, the list copied; out, while it runs', async t => {
  const certs = newCerts()
  const shell = (command: string) => run(certs, 'sh', ['-c', command])
  await byPrintedCommands(t, certs)
  copyFileSync(join(certs, 'tls.crt'), join(certs, 'hostname.crt'))
  copyFileSync(join(certs, 'tls.key'), join(certs, 'hostname.key'))
  copyFileSync(join(certs, 'my-ca.crt'), join(certs, 'ca.crt'))
  writeFileSync(join(certs, 'index.txt'), '')
  const settings = 'database=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=7\n'
  writeFileSync(join(certs, 'crlnumber'), '01\n')
  writeFileSync(
    join(certs, 'ca.cnf'),
    `[ca]\ndefault_ca=this\n[this]\n${settings}certificate=my-ca.crt\nprivate_key=my-ca-key.pem\n`,
  )
  const list = 'openssl ca -config ca.cnf -gencrl -out ca.crl.new && mv ca.crl.new ca.crl'
  shell(list)
  const broker = await guideBroker(t, certs, `use_identity_as_username true\ncrlfile ${certs}/ca.crl\n`)
  const demo = withKey(join(certs, 'demo-client.crt'), join(certs, 'demo-client-key.pem'))
  const trusted = join(certs, 'my-ca.crt')
  assert.equal((await publish(t, broker, trusted, ...demo, '-i', 'demo-id')).code, 0)
  await broker.waitForLine(/New client connected from .* as demo-id \(p4, c1, k60, u'demo-client'\)/)

  shell('openssl ca -config ca.cnf -revoke demo-client.crt -crl_reason keyCompromise')
  shell(list)
  await broker.waitForLine(/Revocation lists of ".*ca\.crl" were read again/)
  assert.notEqual((await publish(t, broker, trusted, ...demo)).code, 0)
  const server = withKey(join(certs, 'hostname.crt'), join(certs, 'hostname.key'))
  assert.equal(
    (await publish(t, broker, trusted, ...server)).code,
    0,
    'who was not revoked: a certificate of version 1 has no purpose',
  )
})
