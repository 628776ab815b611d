import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { throwawayPki } from '../../test/support/authority.ts'
import { startListener } from '../../test/support/net-listener.ts'

const { authority, server } = await throwawayPki()
const between = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']
const upper = await authority.issue({ subject: 'Upper', extensions: between })
const lower = await authority.issueFrom(upper, { subject: 'Lower', extensions: between })
const device = await authority.issueFrom(lower, { subject: 'device' })
const pem = (path: string) => readFileSync(path, 'latin1')

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  for (const shown of [[lower, upper], [lower], []]) {
    const isWhole = shown.length === 2
    test(`features C2: a client that shows ${shown.length} of the two authorities above it is ${isWhole ? 'accepted' : 'refused'} (${maxVersion})`, async t => {
      const listener = await startListener(t, {
        certfile: server.cert,
        keyfile: server.key,
        cafile: authority.ca.cert,
        require_certificate: true,
      })
      const client = connect({
        port: listener.listener.port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: pem(authority.ca.cert),
        cert: [device, ...shown].map(({ cert }) => pem(cert)).join(''),
        key: pem(device.key),
        maxVersion,
      })
      client.on('error', () => {})
      t.after(() => client.destroy())
      if (isWhole) assert.equal((await listener.waitForAccepted()).peer.certificate?.commonName, 'device')
      else await listener.waitForLine(/refused: issued by an unknown authority \(subject 'CN=device'/)
    })
  }
}
