// Each known kind of flood, briefly: what has to hold on any machine, however busy. How long a client waits is measured by
// `npm run floods`.

import assert from 'node:assert/strict'
import test from 'node:test'
import { FloodGround } from './flooded.ts'
import { floodKinds } from './kinds.ts'

/** Longest time for a flood to begin, on a machine that has other things to do. */
const mostSeconds = 16
/** Far below any keepalive; a broker that works through a flood first would take longer. */
const longestRoundTrip = 5_000_000
/** Garbage that was not collected yet looks like growth. */
const flatBytes = 300 * 1024 * 1024
/** Held back on purpose, perhaps for longer than a look: by delays that grow, by its handshake's time, by a rate. */
const slowed = ['takeover', 'silent TLS', 'subscribe']

const ground = FloodGround.prepare()

for (const kind of floodKinds) {
  test(`a flood of ${kind}: a client that behaves well stays, and is answered; memory is bounded`, async () => {
    for (let seconds = 1, wasFlooded = false; !wasFlooded; seconds *= 2) {
      assert.ok(seconds <= mostSeconds, 'there was a flood')
      const { before, during, perSecond, grownBytes, closed } = await (await ground).run(kind, seconds)
      assert.equal(closed, false)
      assert.ok(before !== null && during !== null, 'its messages came back')
      assert.ok(during.max < longestRoundTrip, `one took ${during.max} µs`)
      assert.ok(grownBytes < flatBytes, `the broker grew by ${(grownBytes / 1024 / 1024).toFixed()} MiB`)
      wasFlooded = perSecond > 0 || slowed.includes(kind)
    }
  })
}
