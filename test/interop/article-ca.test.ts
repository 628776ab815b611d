// The guide to client certificates and their revocation, from its first command to its last: our scripts under their old
// names, Debian's client, and no restart.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { castellanProgram, startBroker } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'

const pass = 'correct horse battery'
const defaults = ['', '', '', '', '', '']

function run(cwd: string, command: string, args: readonly string[], lines: readonly string[]): void {
  const input = lines.map(line => `${line}\n`).join('')
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, input, encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
}

test('the guide: create-root-ca, create-ssl, create-client; in by certificate; revoke-cert with reason 2, the list copied; out, while it runs', async t => {
  const home = mkdtempSync(join(tmpdir(), 'castellan-article-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  execFileSync(castellanProgram, ['compat', 'install', '--dir', join(home, 'easy-ca')])
  run(home, 'easy-ca/create-root-ca', ['-d', 'CA'], ['', 'example.org', 'PT', '', '', 'Example', '', '', pass, pass])
  const ca = join(home, 'CA')
  run(ca, 'bin/create-ssl', ['-s', 'localhost'], [pass, ...defaults])
  run(ca, 'bin/create-client', ['-c', 'user1'], [pass, ...defaults])
  run(ca, 'bin/create-client', ['-c', 'user2'], [pass, ...defaults])

  const certs = join(home, 'certs')
  mkdirSync(certs)
  copyFileSync(join(ca, 'ca/ca.crt'), join(certs, 'ca.crt'))
  copyFileSync(join(ca, 'crl/ca.crl'), join(certs, 'ca.crl'))
  copyFileSync(join(ca, 'certs/localhost.server.crt'), join(certs, 'hostname.crt'))
  copyFileSync(join(ca, 'private/localhost.server.key'), join(certs, 'hostname.key'))
  const broker = await startBroker(t, {
    config: ({ port }) => `listener ${port} 127.0.0.1
cafile ${certs}/ca.crt
certfile ${certs}/hostname.crt
keyfile ${certs}/hostname.key
require_certificate true
use_identity_as_username true
crlfile ${certs}/ca.crl
`,
  })
  const publish = async (name: string) => {
    const target = ['-h', 'localhost', '-p', String(broker.port), '--cafile', join(certs, 'ca.crt')]
    const own = ['--cert', `certs/${name}.client.crt`, '--key', `private/${name}.client.key`]
    const { code } = await runTool(t, 'mosquitto_pub', [
      ...target,
      ...own.map(word => word.replace(/^(certs|private)\//, `${ca}/$1/`)),
      '-q',
      '1',
      '-t',
      'test',
      '-m',
      'message',
    ])
    return code
  }
  assert.equal(await publish('user1'), 0)
  await broker.waitForLine(/u'user1'\)/)

  run(ca, 'bin/revoke-cert', ['-c', 'certs/user1.client.crt'], ['2', 'y', pass])
  assert.match(readFileSync(join(ca, 'ca/db/certificate.db'), 'utf8'), /keyCompromise/)
  copyFileSync(join(ca, 'crl/ca.crl'), join(certs, 'ca.crl'))
  await broker.waitForLine(/Revocation lists of ".*ca\.crl" were read again/)
  assert.notEqual(await publish('user1'), 0)
  assert.equal(await publish('user2'), 0)
})
