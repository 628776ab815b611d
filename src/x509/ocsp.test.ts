import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { type AnswerBytes, answerBytes, certificateBytes, party } from '../../test/support/certificate-bytes.ts'
import { extensionBytes } from '../../test/support/list-bytes.ts'
import { DerError } from './der.ts'
import { Issuer } from './issuer.ts'
import { readOcspAnswer } from './ocsp.ts'

const [authority, other] = [party('Authority'), party('Other')]
const issuer = new Issuer(
  new X509Certificate(certificateBytes({ subject: authority, issuer: authority })),
  true,
  undefined,
)
const serial = Buffer.of(5)
const good: AnswerBytes = {
  issuer: authority,
  serial,
  status: 'good',
  thisUpdate: '20261122120000Z',
  nextUpdate: '20261123120000Z',
}
const now = Date.parse('2026-11-22T13:00:00Z')
const read = (answer: Partial<AnswerBytes>, at = now) =>
  readOcspAnswer(answerBytes({ ...good, ...answer }), serial, issuer, at)

async function refused(answer: Partial<AnswerBytes>, why: RegExp, at = now): Promise<void> {
  await assert.rejects(read(answer, at), error => error instanceof DerError && why.test(error.message))
}

test('RFC 6960 §2.2: what the issuer has signed counts, while it is in time', async () => {
  assert.equal((await read({})).status, 'good')
  assert.equal((await read({ status: 'revoked' })).status, 'revoked')
  await refused({ serial: Buffer.of(6) }, /not about the certificate that was asked about/)
  await refused({}, /out of date/, Date.parse('2026-11-23T12:06:00Z'))
  await refused({}, /from the future/, Date.parse('2026-11-22T11:54:00Z'))
})

test('RFC 6960 §4.2.2.2: a responder counts that the issuer has appointed for it, and no other', async () => {
  const forResponders = [extensionBytes('551d25', '300a06082b06010505070309', false)]
  const appointed = certificateBytes({ subject: other, issuer: authority, extensions: forResponders })
  assert.equal((await read({ signer: other, certificates: [appointed] })).status, 'good')
  const strangers = [
    certificateBytes({ subject: other, issuer: authority }),
    certificateBytes({ subject: other, issuer: other, extensions: forResponders }),
  ]
  await refused({ signer: other, certificates: strangers }, /not signed by the issuer/)
  await refused({ signer: other }, /not signed by the issuer/)
})

const undecodable: readonly (readonly [string, Uint8Array])[] = [
  [
    'a serial number with zeros before it',
    certificateBytes({ subject: other, issuer: other, serial: Buffer.from('000001', 'hex') }),
  ],
  ['a date without seconds', certificateBytes({ subject: other, issuer: other, notAfter: '4901010000Z' })],
  ['no key', certificateBytes({ subject: other, issuer: other, key: Buffer.from('3000', 'hex') })],
  ['nothing in it', Buffer.from('3000', 'hex')],
]

for (const [what, certificate] of undecodable) {
  test(`an answer that brings along a certificate with ${what} is worth nothing, and nothing worse`, async () => {
    await refused({ signer: other, certificates: [certificate] }, /does not decode/)
  })
}

test('an answer that is cut short anywhere is worth nothing', async () => {
  const der = answerBytes(good)
  for (let length = 0; length < der.length; length++) {
    await assert.rejects(readOcspAnswer(der.subarray(0, length), serial, issuer, now), DerError, `${length} bytes`)
  }
})
