import assert from 'node:assert/strict'
import test from 'node:test'
import { startBroker } from '../../test/support/broker-process.ts'
import { type Filling, fillingConf, fillRetained, fillSessions, lookFor } from './filled.ts'

const filling: Filling = { retained: 100_000, queued: 100_000, sessions: 20 }

test('a hundred thousand retained and as many waiting messages are all there, in order, after the broker was killed', async t => {
  const place = { dir: '', port: 0 }
  const config = ({ port, dir }: { port: number; dir: string }) => {
    // The second broker takes over what the first one left.
    if (place.port === 0) Object.assign(place, { port, dir })
    return [`listener ${port} 127.0.0.1`, ...fillingConf, `persistence_location ${place.dir}`].join('\n')
  }
  const first = await startBroker(t, { config })
  await fillRetained(first.port, filling)
  await fillSessions(first.port, filling)
  await first.crash()
  const second = await startBroker(t, { config })
  await second.waitForLine(/Loaded 20 sessions, 100000 waiting messages, 100000 retained messages in /)
  assert.deepEqual(await lookFor(second.port, filling), { retained: 100_000, queued: 100_000, misplaced: 0 })
  await second.stop()
})
