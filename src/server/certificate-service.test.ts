import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { freePort } from '../../test/support/free-port.ts'
import type { Audit, AuditEvent } from '../audit/event.ts'
import type { Log } from '../base/log.ts'
import { initDirectory } from '../pki/ca-directory.ts'
import { CertificateEngine } from '../pki/engine.ts'
import { CertificateService } from './certificate-service.ts'

const dir = mkdtempSync(join(tmpdir(), 'castellan-service-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const passphrase = 'correct horse battery'
const passphraseFile = join(dir, 'passphrase')
writeFileSync(passphraseFile, `${passphrase}\n`)

const day = 24 * 60 * 60 * 1000

/** @param age how long ago it was made, and its lists signed */
async function authority(name: string, age: number): Promise<string> {
  const directory = join(dir, name)
  const now = Date.now() - age
  await initDirectory(directory, { name, keyType: 'ec-p256', passphrase, rootPassphrase: passphrase, now })
  await new CertificateEngine(directory, async () => passphrase).resignCrls(now)
  return directory
}

function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  return { lines, enabled: () => true, write: (type, line) => void lines.push(`${type} ${line}`) }
}

async function open(t: TestContext, options: Parameters<typeof CertificateService.open>[0], log: Log, audit?: Audit) {
  const service = await CertificateService.open(options, log, audit)
  t.after(() => service.close())
  return service
}

test('ca_directory: a list that is due is signed at the start, and served with OCSP at ca_listener', async t => {
  const directory = await authority('due', 2 * day)
  const log = recordingLog()
  const address = { port: await freePort(), address: '127.0.0.1' }
  const service = await open(t, { directory, passphraseFile, address }, log)
  assert.match(log.lines.join('\n'), /notice Signed revocation list device #2, 0 entries, until /)
  assert.doesNotMatch(log.lines.join('\n'), /list root/)
  const list = await fetch(`http://127.0.0.1:${service.port}/crl/device.crl`)
  assert.equal(list.headers.get('content-type'), 'application/pkix-crl')
  const lines = log.lines.length
  await service.refresh()
  assert.equal(log.lines.length, lines)
})

test('audit: a list that the authority has signed is told, and one that it could not', async t => {
  const told: AuditEvent[] = []
  const audit = { takes: () => true, written: async () => {}, isRefusing: false, mostRefusedTopics: 0 }
  const heard: Audit = { ...audit, note: event => void told.push(event) }
  const due = { directory: await authority('told', 2 * day), passphraseFile, address: undefined }
  await open(t, due, recordingLog(), heard)
  const [signed] = told.splice(0)
  assert.deepEqual([signed?.kind, signed?.outcome, signed?.what?.['number']], ['authority', 'done', 2])
  const locked = { directory: await authority('told-late', 5 * day), passphraseFile: undefined, address: undefined }
  await open(t, locked, recordingLog(), heard)
  assert.deepEqual(
    [told[0]?.outcome, /cannot be signed again/.test(String(told[0]?.what?.['error']))],
    ['failed', true],
  )
})

test('ca_passphrase_file: without it nothing is signed; three days before a list ends that is an error, once', async t => {
  const fresh = recordingLog()
  await open(t, { directory: await authority('locked', 2 * day), passphraseFile: undefined, address: undefined }, fresh)
  assert.doesNotMatch(fresh.lines.join('\n'), /ends on/)
  const log = recordingLog()
  const options = { directory: await authority('ending', 5 * day), passphraseFile: undefined, address: undefined }
  const service = await open(t, options, log)
  await service.refresh()
  const ends = log.lines.filter(line =>
    /^error Error: The revocation list device #1 ends on .* cannot be signed again/.test(line),
  )
  assert.equal(ends.length, 1)
})

test('ca_listener: a port that is taken is an error with its place', async t => {
  const blocker = createServer().listen(0, '127.0.0.1')
  t.after(() => void blocker.close())
  await new Promise(resolve => blocker.once('listening', resolve))
  const { port } = blocker.address() as { port: number }
  const options = { directory: await authority('taken', 0), passphraseFile, address: { port, address: '127.0.0.1' } }
  await assert.rejects(CertificateService.open(options, recordingLog()), {
    code: 'ERR_SERVER_CA_LISTEN',
    message: `Error: Unable to serve revocation lists on port ${port} of 127.0.0.1 (address already in use).`,
  })
})
