import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Authority } from '../../test/support/authority.ts'
import { IssuerStore } from './issuer.ts'
import { loadX509Library } from './library.ts'
import { policyFault } from './policies.ts'

await loadX509Library()
const root = await Authority.create('/CN=Root')
const read = (path: string) => new X509Certificate(readFileSync(path))

/** What is wrong with a leaf of an authority with these extensions. */
async function faultOf(authority: readonly string[], leaf: readonly string[]): Promise<string | undefined> {
  const constraints = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
  const issuing = await root.issue({ subject: 'Issuing', extensions: [...constraints, ...authority] })
  const { cert } = await root.issueFrom(issuing, {
    subject: 'leaf',
    extensions: ['basicConstraints=CA:FALSE', ...leaf],
  })
  const issuer = new IssuerStore([readFileSync(root.ca.cert, 'latin1')]).issuerOf(read(cert), [read(issuing.cert)])
  assert.ok(issuer !== undefined)
  return policyFault(read(cert), issuer)
}

const demanding = ['policyConstraints=critical,requireExplicitPolicy:0']
const none = 'an authority above it demands a policy, and its chain has none in common'

test('RFC 5280 §6.1: an authority that demands a policy gets one that both have, or it is refused', async () => {
  const own = [...demanding, 'certificatePolicies=1.2.3,1.2.4']
  assert.equal(await faultOf(own, ['certificatePolicies=1.2.4']), undefined)
  assert.equal(await faultOf(own, ['certificatePolicies=2.5.29.32.0']), undefined)
  assert.equal(await faultOf(own, ['certificatePolicies=1.2.5']), none)
  assert.equal(await faultOf(own, []), none)
  assert.equal(await faultOf(demanding, ['certificatePolicies=1.2.3']), none)
})

test('an authority that demands none may have whatever policies it likes, and so may those below', async () => {
  assert.equal(await faultOf(['certificatePolicies=1.2.3'], ['certificatePolicies=1.2.5']), undefined)
  assert.equal(await faultOf(['certificatePolicies=1.2.3'], []), undefined)
  assert.equal(await faultOf([], ['certificatePolicies=1.2.5']), undefined)
})

test('RFC 5280 §6.1.4: policies are mapped, but not from or to any policy; where any policy is inhibited, it is none', async () => {
  const own = [...demanding, 'certificatePolicies=1.2.3']
  assert.equal(await faultOf([...own, 'policyMappings=1.2.3:1.2.5'], ['certificatePolicies=1.2.5']), undefined)
  assert.equal(await faultOf([...own, 'policyMappings=1.2.3:1.2.5'], ['certificatePolicies=1.2.3']), none)
  assert.equal(await faultOf([...own, 'policyMappings=1.2.3:2.5.29.32.0'], ['certificatePolicies=1.2.3']), none)
  assert.equal(await faultOf([...own, 'inhibitAnyPolicy=critical,0'], ['certificatePolicies=2.5.29.32.0']), none)
})

test('policies that do not decode are refused where they are demanded, and not looked at elsewhere', async () => {
  const broken = ['2.5.29.32=DER:0401ff']
  assert.equal(
    await faultOf([...demanding, 'certificatePolicies=1.2.3'], broken),
    'its chain has policies that do not decode',
  )
  assert.equal(await faultOf([], broken), undefined)
})
