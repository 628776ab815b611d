import assert from 'node:assert/strict'
import test from 'node:test'
import { deviceCertificate } from '../../test/support/realms.ts'
import { AclFileError, parseAclFile } from './acl-file.ts'
import { isGrant } from './acl-rules.ts'
import { CertificateValues, isCertificateVariable, variableAttribute } from './certificate-variables.ts'
import { TopicPattern } from './topic-pattern.ts'

const certificate = {
  ...deviceCertificate,
  printedSubject: 'O=Plant\nOU=Line 1\nOU=Line 2\nST=a/b\nL=+\nCN=sensor 7',
  alternativeNames: 'URI:spiffe://plant.example/7, DNS:s7.plant.example',
}

/** Whether the rules of an ACL file let the client publish. */
function mayPublish(acl: string, topic: string, shown: typeof certificate | undefined = certificate): boolean {
  const subject = parseAclFile(acl, 'f').rules.subject({ username: 'u', clientId: 'c', certificate: shown })
  return isGrant(subject.decidingRule('write', topic))
}

test('features K4: a variable is a whole level with the word of an attribute', () => {
  for (const [level, attribute] of [
    ['%{cert.cn}', 'common-name'],
    ['%{cert.subject.O}', 'subject.O'],
    ['%{cert.subject.1.2.840.1}', 'subject.1.2.840.1'],
    ['%{cert.issuer.CN}', 'issuer.CN'],
    ['%{cert.san.dns}', 'san.dns'],
    ['%{cert.serial}', 'serial'],
    ['%{cert.CN}', undefined],
    ['%{cert.}', undefined],
    ['%{cert.cn', undefined],
    ['%{cert.cn}x', undefined],
    ['%{CERT.cn}', undefined],
    ['%{cn}', undefined],
    ['%c', undefined],
  ] as const) {
    assert.equal(variableAttribute(level), attribute, level)
  }
  assert.equal(isCertificateVariable('x%{cert.cn}'), false)
})

test('features K4: a variable is the first value, and none where that is not fit', () => {
  const values = new CertificateValues(certificate, value => !/[/+#]/.test(value))
  for (const [variable, value] of [
    ['%{cert.cn}', 'sensor 7'],
    ['%{cert.subject.OU}', 'Line 1'],
    ['%{cert.san.dns}', 's7.plant.example'],
    ['%{cert.subject.ST}', undefined],
    ['%{cert.subject.L}', undefined],
    ['%{cert.san.uri}', undefined],
    ['%{cert.subject.C}', undefined],
    ['%{cert.nothing}', undefined],
  ] as const) {
    assert.equal(values.get(variable), value, variable)
    assert.equal(values.get(variable), value, 'asked again')
  }
  assert.equal(new CertificateValues(certificate, () => true).get('%{cert.subject.ST}'), 'a/b')
})

test('features K4: a pattern of an ACL file stands for the certificate’s own', () => {
  const acl = 'pattern write of/%{cert.subject.O}/%{cert.cn}/#'
  assert.equal(mayPublish(acl, 'of/Plant/sensor 7/state'), true)
  for (const topic of ['of/Plant/sensor 8/state', 'of/Office/sensor 7/x', 'of/%{cert.subject.O}/%{cert.cn}/x']) {
    assert.equal(mayPublish(acl, topic), false, topic)
  }
  assert.equal(mayPublish(acl, 'of/Plant/sensor 7/state', { ...certificate, printedSubject: 'O=Plant' }), false)
})

test('features K4: without a certificate such a pattern matches nothing, and the others go on', () => {
  const subject = parseAclFile('pattern write of/%{cert.cn}\npattern write to/%u', 'f').rules.subject({
    username: 'u',
    clientId: 'c',
  })
  const may = (topic: string) => isGrant(subject.decidingRule('write', topic))
  assert.deepEqual(['of/sensor 7', 'of/undefined', 'of/', 'of/%{cert.cn}', 'to/u'].map(may), [
    false,
    false,
    false,
    false,
    true,
  ])
})

test('features K4: what spans levels, or is a wildcard, grants nothing and is denied as far as it reaches', () => {
  assert.equal(mayPublish('pattern write %{cert.subject.ST}', 'a/b'), false)
  assert.equal(mayPublish('pattern write %{cert.subject.L}/x', 'anything/x'), false)
  assert.equal(mayPublish('pattern write #\npattern deny %{cert.subject.ST}', 'a/b'), false)
  assert.equal(mayPublish('pattern write #\npattern deny %{cert.subject.ST}', 'a/c'), true)
})

test('features K4: patterns are only where they are written: a topic line takes the words as they are', () => {
  assert.equal(mayPublish('user u\ntopic write %{cert.cn}', 'sensor 7'), false)
  assert.equal(mayPublish('user u\ntopic write %{cert.cn}', '%{cert.cn}'), true)
  const { warnings } = parseAclFile('topic write %{cert.cn}', 'f')
  assert.match(warnings.join(), /are replaced in pattern lines only/)
})

test('features K4: only rules that ask for certificates need them', () => {
  const asks = (acl: string) => parseAclFile(acl, 'f').rules.asksForCertificates
  assert.equal(asks('pattern read %{cert.cn}'), true)
  assert.equal(asks('pattern deny %{cert.cn}'), true)
  assert.equal(asks('pattern read %u/%c\ntopic read %{cert.cn}'), false)
  assert.deepEqual(parseAclFile('pattern read %{cert.cn}', 'f').warnings, [])
})

for (const [what, line] of [
  ['an attribute that does not exist', 'pattern read a/%{cert.nothing}/#'],
  ['a variable that is not closed', 'pattern read a/%{cert.cn'],
  ['a variable beside other characters', 'pattern read a/x%{cert.cn}'],
  ['a denial with one', 'pattern deny a/%{cert.CN}'],
] as const) {
  test(`features K4: ${what} keeps the file from being used`, () => {
    assert.throws(
      () => parseAclFile(line, 'f'),
      (error: unknown) => error instanceof AclFileError && /%\{cert\./.test(error.hint),
    )
  })
}

test('features K4: a topic of a role stands for the certificate’s own in whole levels', () => {
  const values = { clientId: 'c', username: 'u', certificate: new CertificateValues(certificate, () => true) }
  const covers = (pattern: string, topic: string) => new TopicPattern(pattern).covers(topic, values)
  assert.equal(covers('of/%{cert.cn}/#', 'of/sensor 7/x'), true)
  assert.equal(covers('of/%{cert.cn}/#', 'of/sensor 7/#'), true)
  assert.equal(covers('of/%{cert.cn}', 'of/sensor 8'), false)
  assert.equal(covers('of/%{cert.cn}', 'of/%{cert.cn}'), false)
  assert.equal(covers('of/%{cert.subject.C}', 'of/'), false)
  assert.equal(covers('of/%x', 'of/%x'), true, 'any other level is itself')
  assert.equal(new TopicPattern('of/%{cert.cn}').covers('of/sensor 7', { clientId: 'c', username: 'u' }), false)
})
