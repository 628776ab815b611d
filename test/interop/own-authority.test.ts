// Our own authority beside a running broker, from the shell: issued and let in, revoked and gone, thousands at once and a SIGKILL.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash, X509Certificate } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, castellanProgram, startBroker } from '../support/broker-process.ts'
import { runTool, startSubscriber } from '../support/clients.ts'
import { startProgram } from '../support/line-process.ts'

interface Place {
  readonly home: string
  readonly ca: string
  castellan(...args: string[]): string
}

function newAuthority(t: TestContext): Place {
  const home = mkdtempSync(join(tmpdir(), 'castellan-own-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  writeFileSync(join(home, 'passphrase'), 'correct horse battery\n')
  const env = { ...process.env, CASTELLAN_CA: join(home, 'ca') }
  const castellan = (...args: string[]) =>
    execFileSync(castellanProgram, [...args, '--passphrase-file', 'passphrase'], {
      cwd: home,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    })
  castellan('ca', 'init', 'ca', '--name', 'Fleet')
  return { home, ca: env.CASTELLAN_CA, castellan }
}

function startWith(t: TestContext, place: Place, more = ''): Promise<BrokerProcess> {
  place.castellan('cert', 'issue', 'localhost', '--profile', 'server')
  return startBroker(t, { config: configOf(place, more) })
}

function configOf({ home, ca }: Place, more: string) {
  return ({ port }: { readonly port: number }) => `listener ${port} 127.0.0.1
certfile ${home}/localhost/localhost.crt
keyfile ${home}/localhost/localhost.key
cafile ${ca}/trust/devices.pem
crlfile ${ca}/crl/all.pem
require_certificate true
use_identity_as_username true
ca_directory ${ca}
ca_passphrase_file ${home}/passphrase
${more}
`
}

function clientArguments({ home }: Place, broker: BrokerProcess, name: string): string[] {
  const bundle = join(home, name)
  const own = [
    '--cafile',
    join(bundle, 'ca.crt'),
    '--cert',
    join(bundle, `${name}.crt`),
    '--key',
    join(bundle, `${name}.key`),
  ]
  return ['-h', 'localhost', '-p', String(broker.port), ...own]
}

async function getsIn(t: TestContext, place: Place, broker: BrokerProcess, name: string): Promise<boolean> {
  const args = [...clientArguments(place, broker, name), '-q', '1', '-t', 'test', '-m', 'message']
  return (await runTool(t, 'mosquitto_pub', args)).code === 0
}

const listsRead = /Revocation lists of ".*all\.pem" were read again/

test('castellan cert revoke: who is connected goes, newcomers are refused, everybody else stays; nobody told the broker', async t => {
  const place = newAuthority(t)
  const broker = await startWith(t, place)
  for (const name of ['good', 'bad']) place.castellan('cert', 'issue', name)
  const staying = await startSubscriber(t, [
    ...clientArguments(place, broker, 'good'),
    '-i',
    'good',
    '-q',
    '1',
    '-t',
    'test',
  ])
  await startSubscriber(t, [...clientArguments(place, broker, 'bad'), '-i', 'bad', '-q', '1', '-t', 'test'])
  place.castellan('cert', 'revoke', 'bad', '--reason', 'keyCompromise')
  await broker.waitForLine(/Client bad \[\S+\] has to go: certificate was revoked \(key compromise\)/)
  assert.equal(await getsIn(t, place, broker, 'bad'), false)
  assert.equal(await getsIn(t, place, broker, 'good'), true)
  await staying.waitForLine(/^message$/)
})

test('castellan cert hold and unhold: out for a while, and in again', async t => {
  const place = newAuthority(t)
  const broker = await startWith(t, place)
  place.castellan('cert', 'issue', 'lent')
  assert.equal(await getsIn(t, place, broker, 'lent'), true)
  let from = broker.lines.length
  place.castellan('cert', 'hold', 'lent')
  await broker.waitForLine(listsRead, from)
  assert.equal(await getsIn(t, place, broker, 'lent'), false)
  from = broker.lines.length
  place.castellan('cert', 'unhold', 'lent')
  await broker.waitForLine(listsRead, from)
  assert.equal(await getsIn(t, place, broker, 'lent'), true)
})

test('castellan ca rotate: the broker lets both generations in, without a restart', async t => {
  const place = newAuthority(t)
  const broker = await startWith(t, place)
  place.castellan('cert', 'issue', 'older')
  place.castellan('ca', 'rotate', 'device')
  await broker.waitForLine(/TLS files of the listener on port \d+ have changed and were read again/)
  await broker.waitForLine(listsRead)
  place.castellan('cert', 'issue', 'newer')
  assert.equal(await getsIn(t, place, broker, 'older'), true)
  assert.equal(await getsIn(t, place, broker, 'newer'), true)
  const from = broker.lines.length
  place.castellan('cert', 'revoke', 'older', 'newer')
  await broker.waitForLine(listsRead, from)
  assert.equal(await getsIn(t, place, broker, 'older'), false)
  assert.equal(await getsIn(t, place, broker, 'newer'), false)
})

/** Signs as whoever has got hold of an authority's key and its passphrase would: nothing is recorded. */
function forge({ home, ca }: Place, name: string, serial?: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: home, stdio: 'pipe' })
  mkdirSync(join(home, name))
  copyFileSync(join(ca, 'trust/root.pem'), join(home, name, 'ca.crt'))
  const [key, request, certificate] = ['key', 'csr', 'crt'].map(type => `${name}/${name}.${type}`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key!]
  openssl('req', '-new', ...newKey, '-subj', `/CN=${name}`, '-out', request!)
  writeFileSync(join(home, 'purpose'), 'extendedKeyUsage=clientAuth\n')
  const signer = ['-CA', `${ca}/device/ca.crt`, '-CAkey', `${ca}/device/private/ca.key`, '-passin', 'file:passphrase']
  const number = serial === undefined ? [] : ['-set_serial', `0x${serial}`]
  openssl('x509', '-req', ...signer, ...number, '-in', request!, '-out', certificate!, '-extfile', 'purpose')
}

const neverIssued = /certificate was never issued by its authority \(by ca_directory\) \(subject 'CN=/

test('ca_directory: what its key has signed and it has no record of is refused, with a borrowed serial number too; what it issues meanwhile gets in', async t => {
  const place = newAuthority(t)
  const broker = await startWith(t, place)
  place.castellan('cert', 'issue', 'honest')
  assert.equal(await getsIn(t, place, broker, 'honest'), true)
  const { serialNumber } = new X509Certificate(readFileSync(join(place.home, 'honest/honest.crt')))
  forge(place, 'forged')
  forge(place, 'borrowed', serialNumber)
  for (const name of ['forged', 'borrowed']) {
    const from = broker.lines.length
    assert.equal(await getsIn(t, place, broker, name), false)
    await broker.waitForLine(neverIssued, from)
  }
  place.castellan('cert', 'issue', 'late')
  assert.equal(await getsIn(t, place, broker, 'late'), true)
})

test('allow_unissued_certificates: the start warns of it; a reload takes it back, for who is connected as well', async t => {
  const place = newAuthority(t)
  const broker = await startWith(t, place, 'allow_unissued_certificates true')
  await broker.waitForLine(/Warning: allow_unissued_certificates is on: whoever has a copy of a key of ca_directory/)
  forge(place, 'forged')
  await startSubscriber(t, [...clientArguments(place, broker, 'forged'), '-i', 'forged', '-q', '1', '-t', 'test'])
  await broker.writeConfig(configOf(place, 'allow_unissued_certificates false'))
  await broker.reload(/Configuration reloaded/)
  await broker.waitForLine(/Client forged \[\S+\] has to go: certificate was never issued by its authority/)
  assert.equal(await getsIn(t, place, broker, 'forged'), false)
})

const rows = 300

test('castellan cert bulk: killed with SIGKILL half-way, the same command resumes; what the manifest had stays, and every row is there once', async t => {
  const { home, ca, castellan } = newAuthority(t)
  const names = Array.from({ length: rows }, (_, index) => `device-${index + 1}`)
  writeFileSync(join(home, 'rows.csv'), `name\n${names.join('\n')}\n`)
  const command = ['cert', 'bulk', 'rows.csv', '--out', 'out', '--ca', ca]
  const killed = startProgram(t, castellanProgram, [...command, '--passphrase-file', 'passphrase'], { cwd: home })
  await killed.waitForLine(new RegExp(`^\\d+/${rows}$`))
  await killed.kill()
  const path = join(home, 'out', 'manifest.csv')
  const before = readFileSync(path, 'utf8')
  const linesBefore = before.split('\n').length - 2
  assert.ok(linesBefore >= 50 && linesBefore < rows, `${linesBefore} rows were done`)

  assert.match(castellan(...command), /issued +\d+, \d+ were there already/)
  const manifest = readFileSync(path, 'utf8')
  assert.ok(manifest.startsWith(before.slice(0, before.lastIndexOf('\n') + 1)))
  castellan(...command)
  assert.equal(readFileSync(path, 'utf8'), manifest, 'once more changes nothing')

  const cells = manifest
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(line => line.split(','))
  assert.deepEqual(
    cells.map(([row, name]) => `${row} ${name}`),
    names.map((name, index) => `${index + 1} ${name}`),
  )
  const listed = castellan('cert', 'list', '--profile', 'device', '--state', 'valid', '-o', 'json')
  const issued = (JSON.parse(listed).certificates as { serialNumber: string }[]).map(one => one.serialNumber)
  assert.deepEqual(new Set(cells.map(([, , serial]) => serial)), new Set(issued))
  assert.equal(issued.length, rows)
  for (const [, , , , file = '', sha256] of cells) {
    assert.equal(hash('sha256', readFileSync(join(home, 'out', file)), 'hex'), sha256)
  }
  assert.equal(readdirSync(join(home, 'out')).filter(name => name.endsWith('.zip')).length, rows)
  assert.equal(existsSync(join(home, 'out', '.staging')), false)
})
