import assert from 'node:assert/strict'
import test from 'node:test'
import { figuresOf, probedCost } from './figures.ts'
import { loadResult } from './made-up-report.ts'

test('a closed loop has CPU and rate; its latency says nothing and is left out', () => {
  assert.deepEqual(figuresOf(loadResult(), ''), { cpuMicroseconds: 7, perSecond: 100, generatorPercent: 50 })
})

test('a fixed rate has latency too', () => {
  const { p50, p99, p999 } = figuresOf(loadResult({ paced: { offeredPerSecond: 100, latestSendMicroseconds: 1 } }), '')
  assert.deepEqual([p50, p99, p999], [10, 20, 30])
})

test('connections have CPU and rate of their own', () => {
  const result = loadResult({
    cpuMicrosecondsPerMessage: null,
    cpuMicrosecondsPerConnection: 30,
    connects: { connections: 10, perSecond: 5000, resumed: 0 },
  })
  assert.deepEqual(figuresOf(result, ''), { cpuMicroseconds: 30, perSecond: 5000, generatorPercent: 50 })
})

test('idle connections have memory; what the kernel did not show is no zero', () => {
  const idle = {
    connections: 10,
    memory: 'Pss',
    bytesBefore: 1,
    bytesAfter: 2,
    connectsPerSecond: 9,
    idleCpuPercent: 0,
  } as const
  const figures = (bytesPerConnection: number | null) =>
    figuresOf(loadResult({ cpuMicrosecondsPerConnection: null, idle: { ...idle, bytesPerConnection } }), '')
  assert.equal(figures(4000).bytesPerConnection, 4000)
  assert.deepEqual(figures(null), { perSecond: 9, generatorPercent: 50 })
})

test('retained messages fill a line for loading and one for searching', () => {
  const retained = {
    messages: 10,
    loadedPerSecond: 1000,
    loadCpuMicrosecondsPerMessage: 3,
    bytesPerMessage: 100,
    deliveryMilliseconds: 5,
    searchMicroseconds: 70,
    searchCpuMicroseconds: 60,
  }
  const result = loadResult({ retained })
  assert.deepEqual(figuresOf(result, ' load'), { cpuMicroseconds: 3, perSecond: 1000, generatorPercent: 50 })
  assert.deepEqual(figuresOf(result, ' search'), { p50: 70 })
})

test('CPU time is told as it would have been on the undisturbed core, and as it was measured', () => {
  const result = loadResult({ coreProbeMicroseconds: 300 })
  const { cpuMicroseconds, measuredCpuMicroseconds, coreSlowness, perSecond } = figuresOf(result, '', 200)
  assert.equal(coreSlowness, 1.5)
  assert.equal(measuredCpuMicroseconds, 7)
  assert.ok(Math.abs(cpuMicroseconds! - 7 / 1.5) < 1e-9)
  assert.equal(perSecond, 100)
})

test('without a probe, CPU time is told as it was measured', () => {
  const plain = figuresOf(loadResult(), '')
  assert.deepEqual(figuresOf(loadResult({ coreProbeMicroseconds: null }), '', 200), plain)
  assert.deepEqual(figuresOf(loadResult({ coreProbeMicroseconds: 300 }), ''), plain)
  assert.equal(probedCost(loadResult()), undefined)
})
