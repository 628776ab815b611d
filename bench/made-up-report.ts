// Results that nobody measured, for tests of what is made of results.

import type { LoadResult } from './load/result.ts'
import { type Report, type RowInput, reportRows } from './report.ts'

/** A run without faults; `changes` replaces what a test is about. */
export function loadResult(changes: Partial<LoadResult> = {}): LoadResult {
  return {
    scenario: 'pairs',
    valid: true,
    invalidReasons: [],
    seconds: 3,
    sent: 300,
    delivered: 300,
    messagesPerSecond: 100,
    brokerCpuSeconds: 1,
    brokerUserSeconds: 0.5,
    brokerSystemSeconds: 0.5,
    cpuMicrosecondsPerMessage: 7,
    cpuMicrosecondsPerConnection: null,
    brokerRssBytes: 1_000_000,
    latencyMicroseconds: { p50: 10, p99: 20, p999: 30, max: 40 },
    lost: 0,
    duplicates: 0,
    outOfOrder: 0,
    closed: 0,
    protocolErrors: 0,
    stalls: 0,
    generatorCpuPercent: 50,
    messagesPerWrite: 1,
    messagesPerRead: 1,
    ...changes,
  }
}

/** One broker in `pairs-q0`, with one figure for each round. */
export function rowInput(
  broker: string,
  cpuMicroseconds: readonly number[],
  changes: Partial<RowInput> = {},
): RowInput {
  return {
    scenario: 'pairs-q0',
    access: 'acl',
    broker,
    headline: 'cpuMicroseconds',
    target: { ratio: 0.05 },
    rounds: cpuMicroseconds.map(value => ({
      cpuMicroseconds: value,
      perSecond: 1_000_000 / value,
      generatorPercent: 50,
    })),
    problems: [],
    unable: undefined,
    ...changes,
  }
}

/** A report whose one scenario has these rows. */
export function madeUpReport(inputs: readonly RowInput[], changes: Partial<Report> = {}): Report {
  return {
    format: 1,
    date: '2026-01-02T03:04:05Z',
    commit: 'abc1234',
    machine: { processor: 'Abacus', cores: 2, kernel: 'Linux 6.1', node: 'v24.0.0' },
    pinned: true,
    rounds: 3,
    seconds: 3,
    quick: false,
    brokers: [
      { name: 'castellan', version: '0.1.0' },
      { name: 'mosquitto', version: '2.0.11' },
    ],
    rows: reportRows(inputs),
    ...changes,
  }
}
