// Scenarios without messages: how quickly connections are taken, and what they cost in memory when they are silent.

import { setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from '../../src/client/histogram.ts'
import type { Client } from './client.ts'
import { ClientPool, silent } from './client-pool.ts'
import { loadResult, noFaults, noMessages } from './judgement.ts'
import { proportionalBytes } from './processes.ts'
import type { Connects, Idle, LoadRequest } from './request.ts'
import type { Faults, LoadResult } from './result.ts'
import { microsecondsPer, Span } from './span.ts'

/** Uncounted connections first, in which a broker sets up what it sets up once: a twentieth, but not more than this. */
const mostWarmUps = 200
const idleConcurrency = 100
/** A broker whose closing is slow is not waited for longer; its connections are gone for us. */
const leaveLimitMs = 5_000

/** @throws LoadError when the first connections fail */
export async function runConnects(request: LoadRequest, scenario: Connects): Promise<LoadResult> {
  const { connections, concurrency, churn } = scenario
  const pool = new ClientPool(request)
  try {
    await pool.prepareSession()
    const warmUps = Math.min(mostWarmUps, Math.ceil(connections / 20))
    const all = clients(pool, warmUps + connections)
    await pool.openAll(all.slice(0, warmUps), { concurrency })
    if (churn) await Promise.all(all.slice(0, warmUps).map(client => client.leave()))

    const latency = new Histogram()
    const leaving: Promise<void>[] = []
    let resumed = 0
    const span = new Span(request)
    const opened = (client: Client) => {
      latency.record(client.readyAt - client.startedAt)
      if (client.resumed) resumed += 1
      if (churn) leaving.push(client.leave())
    }
    await pool.openAll(all.slice(warmUps), { concurrency, opened, failures: 'counted' })
    // Taking leave of the last ones belongs to what the broker's CPU is divided by.
    await Promise.race([Promise.all(leaving), sleep(leaveLimitMs)])
    const figures = span.end()
    const result = loadResult(scenario.kind, figures, noMessages, faultsOf(pool), {
      cpuMicrosecondsPerConnection: microsecondsPer(figures.brokerCpuSeconds, latency.count),
      latencyMicroseconds: latency.summary(),
      connects: { connections: latency.count, perSecond: latency.count / figures.seconds, resumed },
    })
    if (request.tls?.resume !== true || resumed === latency.count) return result
    const reason = `${latency.count - resumed} handshakes were full ones, where a session was to be resumed`
    return { ...result, valid: false, invalidReasons: [...result.invalidReasons, reason] }
  } finally {
    await pool.close()
  }
}

/** @throws LoadError when a connection fails */
export async function runIdle(request: LoadRequest, scenario: Idle): Promise<LoadResult> {
  const { connections, settleSeconds } = scenario
  const { brokerPids: pids } = request
  const pool = new ClientPool(request)
  try {
    await pool.prepareSession()
    const all = clients(pool, connections + 1)
    await pool.openAll(all.slice(0, 1)) // what the first connection sets up is not the price of one
    await sleep(settleSeconds * 1000)
    const before = proportionalBytes(pids)
    const latency = new Histogram()
    const opening = new Span(request)
    const measured = (client: Client) => latency.record(client.readyAt - client.startedAt)
    await pool.openAll(all.slice(1), { concurrency: idleConcurrency, opened: measured })
    const opened = opening.end()
    const idling = new Span(request)
    await sleep(settleSeconds * 1000)
    const idle = idling.end()
    const after = proportionalBytes(pids)
    const known = (bytes: number) => (pids.length > 0 ? bytes : null)
    return loadResult(scenario.kind, opened, noMessages, faultsOf(pool), {
      cpuMicrosecondsPerConnection: microsecondsPer(opened.brokerCpuSeconds, connections),
      latencyMicroseconds: latency.summary(),
      idle: {
        connections,
        memory: after.memory,
        bytesBefore: known(before.bytes),
        bytesAfter: known(after.bytes),
        bytesPerConnection: known((after.bytes - before.bytes) / connections),
        connectsPerSecond: connections / opened.seconds,
        idleCpuPercent: idle.brokerCpuSeconds === null ? null : (idle.brokerCpuSeconds * 100) / idle.seconds,
      },
    })
  } finally {
    await pool.close()
  }
}

function clients(pool: ClientPool, count: number): readonly Client[] {
  return Array.from({ length: count }, (_, index) => pool.add('c', index + 1, silent))
}

function faultsOf(pool: ClientPool): Faults {
  const { closed, protocolErrors } = pool.counters
  return { ...noFaults, closed, protocolErrors }
}
