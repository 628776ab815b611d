import assert from 'node:assert/strict'
import test from 'node:test'
import { certificateGrantFault } from './certificate-grant-options.ts'
import type { CertificateGrant } from './certificate-grants.ts'

const line: CertificateGrant = { name: 'r', attribute: 'common-name', pattern: 'x' }
const bare = {
  certificate_role: [],
  certificate_group: [],
  certfile: undefined,
  require_certificate: false,
  request_certificate: false,
}
const certificates = { ...bare, certfile: 'server.crt', require_certificate: true }

test('features K4: certificate_role and certificate_group go with dynamic security and with certificates', () => {
  assert.equal(certificateGrantFault(bare, false), undefined, 'nothing is asked for')
  for (const given of [{ certificate_role: [line] }, { certificate_group: [line] }]) {
    assert.equal(certificateGrantFault({ ...certificates, ...given }, true), undefined)
    const requested = { ...certificates, require_certificate: false, request_certificate: true }
    assert.equal(certificateGrantFault({ ...requested, ...given }, true), undefined)
    assert.match(
      certificateGrantFault({ ...certificates, ...given }, false) ?? '',
      /need the plugin of dynamic security/,
    )
    for (const lacking of [{ certfile: undefined }, { require_certificate: false }]) {
      assert.match(certificateGrantFault({ ...certificates, ...given, ...lacking }, true) ?? '', /need certfile, and/)
    }
  }
})
