// NSS, which browsers and Thunderbird have, judges what our authority makes: vfychain its chains and lists, pk12util its PKCS#12
// files.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pkcs12 } from '../../src/pki/pkcs12.ts'
import { createFleet, judge } from './fleet.ts'

const fleet = await createFleet()
after(() => fleet.close())
const { engine, good, revoked, server } = fleet

/** An empty database; one for each test, since what is in it is trusted. */
async function database(name: string): Promise<string> {
  const dir = join(engine.files.dir, name)
  mkdirSync(dir)
  const made = await judge('certutil', ['-N', '-d', `sql:${dir}`, '--empty-password'])
  assert.equal(made.code, 0, made.output)
  return `sql:${dir}`
}

/** The root, trusted for clients and servers, and the authority below it. */
async function trusting(name: string, id: string): Promise<string> {
  const db = await database(name)
  for (const [nickname, authority, trust] of [
    ['root', 'root', 'CT,,'],
    ['issuing', id, ',,'],
  ] as const) {
    const file = engine.files.certificate(authority)
    const added = await judge('certutil', ['-A', '-d', db, '-n', nickname, '-t', trust, '-a', '-i', file])
    assert.equal(added.code, 0, added.output)
  }
  return db
}

const sslClient = '0'
const sslServer = '1'
const verify = (db: string, path: string, usage: string, ...more: readonly string[]) =>
  judge('vfychain', ['-d', db, '-pp', ...more, '-u', usage, '-a', path])

test('pki §9: vfychain accepts clients as clients and servers as servers', async () => {
  const devices = await trusting('devices', 'device')
  const accepted = await verify(devices, good.cert, sslClient)
  assert.match(accepted.output, /Chain is good!/)
  assert.match((await verify(await trusting('servers', 'server'), server.cert, sslServer)).output, /Chain is good!/)
  assert.match((await verify(devices, good.cert, sslServer)).output, /Chain is bad!/)
})

test('pki §9: vfychain with our lists accepts who is good, and refuses who is revoked', async () => {
  const db = await trusting('lists', 'device')
  for (const id of ['root', 'device']) {
    const added = await judge('crlutil', ['-I', '-d', db, '-i', engine.files.crl(id), '-t', '1'])
    assert.equal(added.code, 0, added.output)
  }
  const byList = ['-g', 'leaf', '-m', 'crl', '-s', 'failIfNoInfo']
  assert.match((await verify(db, good.cert, sslClient, ...byList)).output, /Chain is good!/)
  assert.match(
    (await verify(db, revoked.cert, sslClient, ...byList)).output,
    /Chain is bad![\s\S]*Peer's Certificate has been revoked/,
  )
})

const bundle = async (passphrase: string) => {
  const { certificate, chain, root, privateKey = '' } = good.issued
  return pkcs12({ certificate, chain, root, privateKey, friendlyName: 'good' }, passphrase)
}

test('pki §9: pk12util opens our PKCS#12 files and puts key and chain into a database; another passphrase opens nothing', async () => {
  const file = fleet.file('good.p12', await bundle('a passphrase to travel'))
  const right = fleet.file('right', 'a passphrase to travel')
  const wrong = fleet.file('wrong', 'another passphrase')
  const listed = await judge('pk12util', ['-l', file, '-w', right])
  assert.equal(listed.code, 0, listed.output)
  assert.match(listed.output, /Key\(shrouded\)/)
  assert.equal(listed.output.match(/Certificate\(has private key\)|Certificate:/g)?.length, 3, listed.output)
  const db = await database('imported')
  const imported = await judge('pk12util', ['-i', file, '-w', right, '-d', db])
  assert.equal(imported.code, 0, imported.output)
  assert.match((await judge('certutil', ['-K', '-d', db])).output, /\bec\b.*good/)
  assert.notEqual((await judge('pk12util', ['-l', file, '-w', wrong])).code, 0)
  assert.doesNotMatch(readFileSync(file, 'latin1'), /good/)
})
