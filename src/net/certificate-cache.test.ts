import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { throwawayPki } from '../../test/support/authority.ts'
import { CertificateCache } from './certificate-cache.ts'

const pki = await throwawayPki()
const read = ({ cert }: { readonly cert: string }) => new X509Certificate(readFileSync(cert))

test('what a certificate says is read once; one that differs in anything is another', async () => {
  const cache = new CertificateCache()
  const first = cache.read(read(pki.client))
  assert.equal(first.identity.commonName, 'user1')
  assert.equal(cache.read(read(pki.client)), first)
  const namesake = cache.read(read(await pki.authority.issueClient('user1')))
  assert.notEqual(namesake, first)
  assert.notEqual(namesake.identity.serialNumber, first.identity.serialNumber)
  assert.deepEqual([first.isForClients, cache.read(read(pki.server)).isForClients], [true, false])
})

test('of many certificates, those that were shown last are remembered', async () => {
  const cache = new CertificateCache(2)
  const issue = async (name: string) => read(await pki.authority.issueClient(name))
  const [a, b, c] = [await issue('a'), await issue('b'), await issue('c')]
  const [first, second] = [cache.read(a), cache.read(b)]
  assert.equal(cache.read(a), first)
  cache.read(c)
  assert.equal(cache.read(a), first)
  assert.notEqual(cache.read(b), second)
})

test('a certificate that does not decode is refused each time', () => {
  const cache = new CertificateCache()
  const broken = {
    fingerprint256: 'AA',
    get subject(): string {
      throw new Error('does not decode')
    },
  } as unknown as X509Certificate
  assert.throws(() => cache.read(broken), /does not decode/)
  assert.throws(() => cache.read(broken), /does not decode/)
})
