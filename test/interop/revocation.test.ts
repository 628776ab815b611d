// A client certificate that is revoked, from its first connection to its last, with Debian's mosquitto_pub and openssl's lists
// against both brokers with the same files. Where we differ on purpose, the row says why.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test, { type TestContext } from 'node:test'
import { Authority, type CertificateFiles } from '../support/authority.ts'
import { type BrokerKind, both } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'
import { ListSigner } from '../support/revocations.ts'
import { type BrokerPair, startPair } from './same-outcome.ts'

const authority = await Authority.create()
const server = await authority.issueServer()

async function start(t: TestContext, list: string, more = ''): Promise<BrokerPair> {
  const read = (path: string) => readFile(path, 'utf8')
  return startPair(t, {
    config: ({ port, dir }) => `listener ${port} 127.0.0.1
cafile ${dir}/ca.crt
certfile ${dir}/server.crt
keyfile ${dir}/server.key
require_certificate true
use_identity_as_username true
crlfile ${dir}/ca.crl
${more}`,
    files: {
      'ca.crt': await read(authority.ca.cert),
      'server.crt': await read(server.cert),
      'server.key': await read(server.key),
      'ca.crl': list,
    },
  })
}

/** Whether mosquitto_pub gets its message through, by broker. */
async function getsThrough(
  t: TestContext,
  pair: BrokerPair,
  { cert, key }: CertificateFiles,
): Promise<Record<BrokerKind, boolean>> {
  const outcome = { castellan: false, mosquitto: false }
  for (const kind of both) {
    const target = ['-h', 'localhost', '-p', String(pair[kind].port), '--cafile', authority.ca.cert]
    const { code } = await runTool(t, 'mosquitto_pub', [
      ...target,
      '--cert',
      cert,
      '--key',
      key,
      '-q',
      '1',
      '-t',
      'a',
      '-m',
      'b',
    ])
    outcome[kind] = code === 0
  }
  return outcome
}

const accepted = { castellan: true, mosquitto: true }
const refused = { castellan: false, mosquitto: false }

test('the way of the article: accepted, revoked with reason 2, list copied, SIGHUP, refused; others stay accepted', async t => {
  const signer = await ListSigner.create(authority, 'article')
  const [alice, mallory] = [await authority.issueClient('alice'), await authority.issueClient('mallory')]
  const pair = await start(t, await signer.sign())
  assert.deepEqual(await getsThrough(t, pair, mallory), accepted)
  await signer.revoke(mallory, 'CACompromise')
  const list = await signer.sign()
  for (const kind of both) {
    await pair[kind].writeFile('ca.crl', list)
    await pair[kind].reload()
  }
  await pair.castellan.waitForLine(/Revocation lists of ".*ca\.crl" were read again|Configuration reloaded/)
  await untilRefused(t, pair, mallory)
  assert.deepEqual(await getsThrough(t, pair, mallory), refused)
  assert.deepEqual(await getsThrough(t, pair, alice), accepted)
})

/** The file is looked at four times a second, whatever the signal does. */
async function untilRefused(t: TestContext, pair: BrokerPair, files: CertificateFiles): Promise<void> {
  while ((await getsThrough(t, pair, files)).castellan) await new Promise(setImmediate)
}

test('a list of another authority: nobody gets in, on either', async t => {
  const signer = await ListSigner.create(await Authority.create('/CN=Somebody else'), 'other')
  const pair = await start(t, await signer.sign())
  assert.deepEqual(await getsThrough(t, pair, await authority.issueClient('alice')), refused)
})

test('a list that has ended: Mosquitto refuses everybody, we go on for a week and say so; `crl_expired reject` is as Mosquitto', async t => {
  const signer = await ListSigner.create(authority, 'ended')
  const [alice, mallory] = [await authority.issueClient('alice'), await authority.issueClient('mallory')]
  await signer.revoke(mallory)
  const text = (ms: number) =>
    new Date(Date.now() + ms)
      .toISOString()
      .slice(2)
      .replaceAll(/[-:T]|\.\d+/g, '')
  const day = 24 * 60 * 60 * 1000
  const list = await signer.sign({ between: [text(-3 * day), text(-day)] })
  const pair = await start(t, list)
  assert.deepEqual(await getsThrough(t, pair, alice), { castellan: true, mosquitto: false })
  assert.deepEqual(await getsThrough(t, pair, mallory), refused)
  await pair.castellan.waitForLine(/Error: Revocation list of 'CN=Test Authority' has ended at \S+; it is used until/)
  const config = await readFile(`${pair.castellan.dir}/broker.conf`, 'utf8')
  await pair.castellan.writeConfig(`${config}\ncrl_expired reject\n`)
  await pair.castellan.reload(/Configuration reloaded/)
  assert.deepEqual(await getsThrough(t, pair, alice), refused)
})

test('crlfile that cannot be read: neither starts, with the same words', async t => {
  const signer = await ListSigner.create(authority, 'unreadable')
  for (const broken of ['', 'no list']) {
    await assert.rejects(start(t, broken), /Unable to load certificate revocation file/)
  }
  await start(t, await signer.sign())
})
