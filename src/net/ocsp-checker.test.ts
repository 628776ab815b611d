import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { answerBytes, certificateBytes, party } from '../../test/support/certificate-bytes.ts'
import { Issuer } from '../x509/issuer.ts'
import { readCertificate } from './certificate-cache.ts'
import { OcspChecker } from './ocsp-checker.ts'

const [authority, holder] = [party('Authority'), party('holder')]
const own = new X509Certificate(certificateBytes({ subject: authority, issuer: authority }))
const serial = Buffer.of(5)
const content = readCertificate(new X509Certificate(certificateBytes({ subject: holder, issuer: authority, serial })))
const certificate = { content, issuer: new Issuer(own, true, undefined), places: [] }
const minute = 60_000

/** A responder that gives out what it is told, and a checker that asks it. */
async function start(t: TestContext) {
  let answer: Buffer = Buffer.alloc(0)
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const lines: string[] = []
  let now = Date.parse('2026-11-22T13:00:00Z')
  let revoked = 0
  const checker = new OcspChecker(
    {
      isHard: false,
      responder: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      timeoutMs: 10_000,
      maxAgeMs: 60 * minute,
    },
    {
      log: { enabled: () => true, write: (_, line) => void lines.push(line) },
      wallClock: () => now,
      certificateRevoked: () => revoked++,
    },
  )
  const ask = async (status: 'good' | 'revoked', thisUpdate: string) => {
    answer = answerBytes({ issuer: authority, serial, status, thisUpdate, nextUpdate: '20261129120000Z' })
    now += 61 * minute
    await checker.ask(certificate)
  }
  return { checker, ask, lines, revoked: () => revoked }
}

test('RFC 6960 §4.2.2.1: an answer from before the last one does not make a revoked certificate good again', async t => {
  const { checker, ask, lines, revoked } = await start(t)
  await ask('good', '20261122110000Z')
  assert.equal(checker.answer(certificate)?.status, 'good')
  await ask('revoked', '20261122120000Z')
  assert.equal(checker.answer(certificate)?.status, 'revoked')
  await ask('good', '20261122110000Z')
  assert.equal(checker.answer(certificate)?.status, 'revoked')
  assert.match(lines.at(-1) ?? '', /No OCSP answer about .*: it is older than what was answered before/)
  await ask('good', '20261122130000Z')
  assert.equal(checker.answer(certificate)?.status, 'good')
  assert.equal(revoked(), 1)
})

test('ocsp soft: of whom nothing is known is asked again soon, not after ocsp_max_age', async t => {
  const { checker, ask } = await start(t)
  assert.equal(checker.askAgainMs(certificate), 5 * minute)
  await ask('good', '20261122120000Z')
  assert.equal(checker.askAgainMs(certificate), 60 * minute)
})
