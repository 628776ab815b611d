import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { type CrlEntry, signCrl } from './crl.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const issuer = { subject: Buffer.from('3000', 'hex'), keyIdentifier: Buffer.alloc(20, 1) }

function* entries(count: number): Iterable<CrlEntry> {
  for (let index = 0; index < count; index++) {
    yield { serialNumber: (0x10000000 + index).toString(16), revokedAt: 1_700_000_000_000, reason: 'unspecified' }
  }
}

test('RFC 5280 §5.1.2.6: a list takes more entries than a call takes arguments', () => {
  const times = { thisUpdate: 1_700_000_000_000, nextUpdate: 1_700_086_400_000 }
  const sizeOf = (count: number) => signCrl({ issuer, number: 1, ...times, entries: entries(count) }, privateKey).length
  const each = (sizeOf(2000) - sizeOf(1000)) / 1000
  assert.ok(Math.abs(sizeOf(200_000) / each - 200_000) < 100)
})
