import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCommand } from '../../test/support/command.ts'
import { initDirectory } from '../pki/ca-directory.ts'
import { CertificateEngine } from '../pki/engine.ts'
import { crl } from './crl.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-crl-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const day = 24 * 60 * 60 * 1000
const now = Date.now()
async function newAuthority(name: string, at: number): Promise<CertificateEngine> {
  const inTheClear = { passphrase: undefined, rootPassphrase: undefined }
  await initDirectory(join(dir, name), { name, keyType: 'ec-p256', ...inTheClear, now: at })
  const engine = new CertificateEngine(join(dir, name))
  await engine.resignCrls(at)
  return engine
}
const engine = await newAuthority('Fleet', now)
const { record } = await engine.issue('device', { name: 'a' }, { kind: 'generate' }, { now, by: 'test' })
await engine.revoke([record], 'keyCompromise', now)
const old = await newAuthority('Old', now - 30 * day)

const run = (...args: string[]) => runCommand(crl, args)
const issuer = ['--issuer', engine.files.certificate('device')]

test('cli section 2, crl show: every list of a file, its number, dates and entries, as text and JSON', async () => {
  const { code, stdout } = await run('show', engine.files.allCrls)
  assert.equal(code, 0)
  assert.match(stdout, /^CN=Fleet Root CA: #1, from \S+ \S+ until \S+ \S+, 0 entries\nCN=Fleet Server CA: #1,/)
  assert.match(stdout, /\nCN=Fleet Device CA: #2, from \S+ \S+ until \S+ \S+, 1 entries\n$/)
  const page = JSON.parse((await run('show', engine.files.crl('device'), '-o', 'json')).stdout)
  assert.deepEqual([page.version, page.lists[0].number, page.lists[0].entries], [1, '2', 1])
})

test('cli section 2, crl show: a list that has ended, and one that another authority has signed, are 7; what is none, too', async () => {
  const ended = await run('show', old.files.crl('device'))
  assert.deepEqual([ended.code, /, ENDED\n$/.test(ended.stdout)], [7, true])
  const right = await run('show', engine.files.crl('device'), ...issuer)
  assert.deepEqual([right.code, /, signature right\n$/.test(right.stdout)], [0, true])
  const wrong = await run('show', engine.files.crl('server'), ...issuer)
  assert.deepEqual([wrong.code, /, SIGNATURE WRONG\n$/.test(wrong.stdout)], [7, true])
  const none = await run('show', engine.files.certificate('device'))
  assert.equal(none.code, 7)
  assert.match(none.stderr, /^castellan crl show: the revocation lists cannot be read: it holds no revocation list\n$/)
  assert.equal((await run('show')).code, 2)
  assert.equal((await run('show', join(dir, 'nowhere'))).code, 1)
})

test('cli section 2, crl fetch: a good list takes the place of the file; everything else leaves it as it was', async t => {
  const answers = new Map<string, string>([
    ['/good', engine.files.crl('device')],
    ['/other', engine.files.crl('server')],
    ['/ended', old.files.crl('device')],
    ['/none', engine.files.certificate('device')],
  ])
  const server = createServer((request, response) => {
    const path = answers.get(request.url ?? '')
    if (request.url === '/elsewhere') response.writeHead(302, { Location: '/good' }).end()
    else if (path === undefined) response.writeHead(404).end()
    else response.end(readFileSync(path))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const file = join(dir, 'fetched.crl')
  const fetched = await run('fetch', `${base}/good`, file, ...issuer)
  assert.deepEqual([fetched.code, fetched.stderr], [0, ''])
  assert.deepEqual(readFileSync(file), readFileSync(engine.files.crl('device')))
  writeFileSync(file, 'as it was')
  const refused = async (path: string) => {
    const { code, stderr } = await run('fetch', `${base}${path}`, file, ...issuer)
    assert.equal(readFileSync(file, 'utf8'), 'as it was')
    return `${code} ${stderr}`
  }
  assert.match(await refused('/other'), /^7 .*not put in place: .*SIGNATURE WRONG/)
  assert.match(await refused('/ended'), /^7 .*ENDED/)
  assert.match(await refused('/none'), /^7 .*cannot be read/)
  assert.match(await refused('/nothing'), /^1 .*answers with status 404/)
  assert.match(await refused('/elsewhere'), /^1 .*cannot be fetched/)
  assert.equal((await run('fetch', 'https://127.0.0.1/x', file)).code, 2)
  server.close()
  server.closeAllConnections()
  assert.match(await refused('/good'), /^1 .*cannot be fetched: [A-Z_]+\n$/)
  assert.equal(existsSync(`${file}.new`), false)
})
