import assert from 'node:assert/strict'
import test from 'node:test'
import { type Place, startBroker } from '../../test/support/broker-process.ts'
import { type Filling, fillingConf, fillRetained, fillSessions, lookFor } from './filled.ts'

const filling: Filling = { retained: 100_000, queued: 100_000, sessions: 20 }

test('a hundred thousand retained and as many waiting messages are all there, in order, after the broker was killed', async t => {
  let first: Place | undefined
  // The second broker takes over what the first one left, its port too: by that the rules for what is retained are found.
  const config = (place: Place) => {
    first ??= place
    return [`listener ${first.port} 127.0.0.1`, ...fillingConf, `persistence_location ${first.dir}`].join('\n')
  }
  const killed = await startBroker(t, { config })
  await fillRetained(killed.port, filling)
  await fillSessions(killed.port, filling)
  await killed.crash()
  const broker = await startBroker(t, { config })
  await broker.waitForLine(/Loaded 20 sessions, 100000 waiting messages, 100000 retained messages in /)
  assert.deepEqual(await lookFor(killed.port, filling), { retained: 100_000, queued: 100_000, misplaced: 0 })
  await broker.stop()
})
