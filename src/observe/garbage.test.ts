import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GarbageWatch } from './garbage.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Node tells of a collection in a later turn. */
async function turns(isEnough: () => boolean): Promise<void> {
  for (let left = 1000; left > 0 && !isEnough(); left--) await new Promise(setImmediate)
}

test('metrics: collections are counted with what they took while somebody watches, and not before or after', async () => {
  const watch = new GarbageWatch()
  const major = () => watch.figures.get('major') ?? assert.fail('there is a kind `major`')
  collect()
  await turns(() => major().runs > 0)
  assert.deepEqual(major(), { runs: 0, seconds: 0 })
  watch.start()
  collect()
  await turns(() => major().runs > 0)
  const { runs, seconds } = major()
  assert.ok(runs >= 1)
  assert.ok(seconds > 0 && seconds < 10, 'in seconds')
  watch.stop()
  collect()
  await turns(() => major().runs > runs)
  assert.equal(major().runs, runs)
})
