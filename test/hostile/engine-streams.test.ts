import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamFuzzer } from '../../fuzz/engine-streams.ts'

test('hostile: 50,000 mutated streams crash nothing, leave nothing behind, and no other client notices', async () => {
  const fuzzer = new StreamFuzzer(20_260_101)
  await fuzzer.run(50_000)
  const { streams, packets, refused, runs, witnessed } = fuzzer.result
  assert.equal(streams, 50_000)
  assert.ok(packets > 75_000, `only ${packets} packets got through: the mutations are too coarse to reach far`)
  assert.ok(refused > 10_000, `only ${refused} streams were refused: the mutations are too tame`)
  assert.ok(runs > 4000, `only ${runs} runs of packets were taken as bytes`)
  assert.ok(witnessed > 40_000, `only ${witnessed} messages were witnessed`)
})

test('hostile: the same while failures and takeovers are slowed down', async () => {
  const fuzzer = new StreamFuzzer(20_260_102, 5)
  await fuzzer.run(10_000)
  assert.equal(fuzzer.result.streams, 10_000)
})
