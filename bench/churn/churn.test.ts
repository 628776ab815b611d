import assert from 'node:assert/strict'
import test from 'node:test'
import { Authority } from '../../test/support/authority.ts'
import { startBroker } from '../../test/support/broker-process.ts'
import { freePort } from '../../test/support/free-port.ts'
import { churnConf, churnFiles } from './churn.ts'
import { inspectedEnv } from './inspected.ts'
import { churn, excesses, tolerated } from './returned.ts'

/** So many that one that stayed, of a kilobyte or more, is above what is tolerated. */
const sessions = 8000

test('sessions, retained messages and certificates come and go, and the broker is back where it was', async t => {
  const authority = await Authority.create()
  const certificates = [
    await authority.issue({ subject: '/CN=first.example' }),
    await authority.issue({ subject: '/CN=second.example' }),
  ]
  const tlsPort = await freePort()
  const broker = await startBroker(t, {
    config: place => churnConf(place, tlsPort),
    files: await churnFiles(certificates[0]!),
    env: inspectedEnv,
  })
  const outcome = await churn({ broker, tlsPort, authority, certificates }, sessions, sessions / 8)
  assert.deepEqual(excesses(outcome), [])
})

test('whatever is above what is tolerated is named, and nothing else', () => {
  const before = { heapBytes: 100, residentBytes: 200, descriptors: 20, diskBytes: 0 }
  const after = { ...before, heapBytes: 100 + tolerated.heapBytes, descriptors: 21 }
  assert.deepEqual(excesses({ before, after }), ['descriptors: 20 before, 21 after'])
})
