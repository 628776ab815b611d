import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { initDirectory } from './ca-directory.ts'
import { CertificateEngine } from './engine.ts'
import { readProfiles } from './profile-file.ts'
import { profiles } from './profiles.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-profiles-'))
after(() => rmSync(dir, { recursive: true, force: true }))

let files = 0
function reading(own: unknown): ReturnType<typeof readProfiles> {
  const path = join(dir, `${files++}.json`)
  writeFileSync(path, typeof own === 'string' ? own : JSON.stringify({ version: 1, profiles: own }))
  return readProfiles({ profiles: path })
}

test('pki.md 4: without a file there are the profiles of the program', () => {
  assert.deepEqual(Object.fromEntries(readProfiles({ profiles: join(dir, 'nothing') })), profiles)
})

test('pki.md 4: a profile of the file is like one of the program, with another life, key and overlap', () => {
  const all = reading({
    sensor: { like: 'device', lifetimeDays: 30, maxLifetimeDays: 60, keyType: 'ed25519', overlap: true },
    device: { like: 'device', maxLifetimeDays: 100 },
  })
  const sensor = { ...profiles.device, lifetimeDays: 30, maxLifetimeDays: 60, keyType: 'ed25519', overlap: true }
  assert.deepEqual(all.get('sensor'), sensor)
  assert.deepEqual(all.get('device'), { ...profiles.device, lifetimeDays: 100, maxLifetimeDays: 100 })
  assert.deepEqual(all.get('server'), profiles.server)
})

const wrong: readonly (readonly [sentence: string, own: unknown, message: RegExp])[] = [
  [
    'a longer life than the program allows',
    { a: { like: 'server', maxLifetimeDays: 398 } },
    /from 1 to 397, which is what server has/,
  ],
  [
    'a certificate without revocation that lives long',
    { a: { like: 'device-short', maxLifetimeDays: 8 } },
    /from 1 to 7/,
  ],
  [
    'a life beyond its own maximum',
    { a: { like: 'device', maxLifetimeDays: 9, lifetimeDays: 10 } },
    /from 1 to maxLifetimeDays, 9/,
  ],
  ['half a day', { a: { like: 'device', lifetimeDays: 0.5 } }, /lifetimeDays is from 1/],
  ['a purpose', { a: { like: 'device', purpose: '1.2.3' } }, /has 'purpose'; it may have like,/],
  ['nothing to be like', { a: { lifetimeDays: 5 } }, /like is one of server, device,/],
  ["the authority's own", { a: { like: 'ocsp' } }, /like is one of/],
  ["the authority's own name", { ocsp: { like: 'device' } }, /not 'ocsp'/],
  ['a name that is none', { 'A b': { like: 'device' } }, /profile 'A b': a name is of a-z/],
  ['an unknown key', { a: { like: 'device', keyType: 'dsa' } }, /keyType is one of ec-p256/],
  ['a word for overlap', { a: { like: 'device', overlap: 'yes' } }, /overlap is true or false/],
  ['no JSON', '{', /is not JSON/],
  ['another version', '{"version":2,"profiles":{}}', /is not like \{"version": 1/],
]

for (const [sentence, own, message] of wrong) {
  test(`pki.md 4: profiles.json is refused whole: ${sentence}`, () => {
    assert.throws(() => reading(own), { code: 'ERR_PKI_FILE', message })
  })
}

test('pki.md 4: the engine issues by a profile of the file, obeys its limit, and notices a new file', async () => {
  const ca = join(dir, 'ca')
  const passphrase = 'correct horse battery'
  const now = Date.now()
  await initDirectory(ca, { name: 'Fleet', keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
  const engine = new CertificateEngine(ca, async () => passphrase)
  const put = (days: number) => {
    const text = JSON.stringify({ version: 1, profiles: { sensor: { like: 'device', maxLifetimeDays: days } } })
    writeFileSync(`${engine.files.profiles}.new`, text)
    renameSync(`${engine.files.profiles}.new`, engine.files.profiles)
  }
  assert.throws(() => engine.openProfile('sensor'), {
    code: 'ERR_PKI_REFUSED',
    message: /unknown profile 'sensor'; it is one of server, device,/,
  })
  put(10)
  const generate = { kind: 'generate' } as const
  const { record } = await engine.issue(engine.openProfile('sensor'), { name: 's1' }, generate, { now, by: 'test' })
  assert.deepEqual([record.profile, Math.round((record.notAfter - now) / 86_400_000)], ['sensor', 10])
  const long = engine.issue('sensor', { name: 's2' }, generate, { now, by: 'test', lifetimeDays: 11 })
  await assert.rejects(long, { message: /at most 10/ })
  put(20)
  await engine.issue('sensor', { name: 's2' }, generate, { now, by: 'test', lifetimeDays: 11 })
  assert.throws(() => engine.openProfile('ocsp'), { code: 'ERR_PKI_REFUSED' })
})
