import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceCertificate } from '../../test/support/realms.ts'
import { certificateGrants, namesGiven } from './certificate-grants.ts'

const value = certificateGrants('role')

function parse(...lines: readonly string[]) {
  let grants: ReturnType<typeof value.parse> | undefined
  for (const line of lines) grants = value.parse(line, 'certificate_role', grants, () => {})
  return grants ?? []
}

const certificate = {
  ...deviceCertificate,
  subject: 'CN=device 7,OU=Line 2,OU=Line 1,O=Example',
  printedSubject: 'O=Example\nOU=Line 1\nOU=Line 2\nCN=device 7',
  alternativeNames: 'DNS:dev7.plant.example, URI:spiffe://plant.example/sensor/7, IP Address:192.0.2.7',
  issuer: 'CN=Sub CA,O=Example',
  printedIssuer: 'O=Example\nCN=Sub CA',
  serialNumber: '0A1B',
}

const lines: readonly (readonly [line: string, isGiven: boolean])[] = [
  ['r cn=device 7', true],
  ['r cn=device', false],
  ['r cn=Device 7', false],
  ['r cn=device *', true],
  ['r cn=*', true],
  ['r cn=* 7', true],
  ['r cn=d*v*7', true],
  ['r cn=d*7*7', false],
  ['r cn=device 7*', true],
  ['r cn=device 7*device 7', false],
  ['r cn=.*', false],
  ['r cn=device [0-9]', false],
  ['r subject.OU=Line 1', true],
  ['r subject.OU=Line 2', true],
  ['r subject.OU=Line 3', false],
  ['r subject.L=*', false],
  ['r subject.O=Example', true],
  ['r issuer.CN=Sub CA', true],
  ['r issuer.CN=device 7', false],
  ['r issuer=CN=Sub CA,O=Example', true],
  ['r subject=CN=device 7,OU=Line 2,*', true],
  ['r san.dns=*.plant.example', true],
  ['r san.dns=plant.example', false],
  ['r san.uri=spiffe://plant.example/sensor/*', true],
  ['r san.uri=spiffe://plant.example/admin/*', false],
  ['r san.ip=192.0.2.7', true],
  ['r san.email=*', false],
  ['r serial=0A1B', true],
  ['r serial=0a:1b', true],
  ['r serial=0A1C', false],
  [`r fingerprint=${'AB:'.repeat(31)}AB`, true],
  [`r fingerprint=${'ac'.repeat(32)}`, false],
  ['  r\t cn=device 7  ', true],
]

for (const [line, isGiven] of lines) {
  test(`features K4: certificate_role ${line}: ${isGiven ? 'gives' : 'does not give'} the role`, () => {
    assert.deepEqual(namesGiven(parse(line), certificate), isGiven ? ['r'] : [])
  })
}

test('features K4: all lines count, in their order, and each name once', () => {
  const grants = parse('b cn=*', 'a subject.OU=Line 1', 'none cn=x', 'b subject.O=Example')
  assert.deepEqual(namesGiven(grants, certificate), ['b', 'a'])
})

test('features K4: a value with invisible characters fits nothing, not even `*`', () => {
  const printedSubject = 'CN=admin\u200b'
  const shown = { ...certificate, printedSubject }
  assert.deepEqual(namesGiven(parse('r cn=*', 'r cn=admin*'), shown), [])
})

const faults: readonly string[] = [
  'r',
  'cn=x',
  'r cn',
  'r cn=',
  'r =x',
  'r CN=x',
  'r san=x',
  'r subject.=x',
  'r subject.O Example',
  'two words cn=x',
  'r cn=ad\u202emin',
]

for (const line of faults) {
  test(`features K4: certificate_role ${JSON.stringify(line)} is refused`, () => {
    assert.throws(() => parse(line), /Error: Invalid 'certificate_role' value \(/)
  })
}

test('features K4: a line without anything is refused as with every option, and so is one too many', () => {
  assert.throws(() => parse(' '), /Error: Empty 'certificate_role' value in configuration\./)
  const most = parse(...Array.from({ length: 1000 }, () => 'r cn=x'))
  assert.throws(() => value.parse('r cn=x', 'certificate_role', most, () => {}), /More than 1000 lines/)
})
