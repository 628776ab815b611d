import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExposition } from '../../test/support/exposition-parser.ts'
import { Counters } from './counters.ts'
import { formatMetrics } from './exposition.ts'
import { type MetricsSource, metrics } from './metrics.ts'
import { Tally } from './tally.ts'

function source(changes: Partial<MetricsSource> = {}): MetricsSource {
  return {
    counters: new Counters(),
    versions: { castellan: '1.2.3', node: '24.0.0' },
    isReady: true,
    listeners: [{ name: '1883 127.0.0.1', protocol: 'mqtt', connections: 3 }],
    bridges: [{ name: 'up', isConnected: true, messagesWaiting: 4 }],
    revocations: [
      {
        listener: '8883',
        serials: 29,
        bytes: 3100,
        ends: [
          { issuer: 'CN=CA', end: 1.9e12 },
          { issuer: 'CN=CA', end: 1.8e12 },
        ],
      },
    ],
    sessions: 5,
    subscriptions: 7,
    sharedSubscriptions: 2,
    retainedMessages: 11,
    retainedBytes: 1100,
    census: {
      clientsConnected: new Map([['5.0', 4]]),
      publishersHeld: 1,
      messagesWaiting: 13,
      bytesWaiting: 1300,
      connectionsBehind: 2,
      bytesBehind: 200,
    },
    passwordChecksPending: 6,
    slowDowns: new Map([['failures', { waiting: 1, total: 9 }]]),
    longestLagMs: 250,
    memory: { usedBytes: 17, limitBytes: 19, shortage: 1 },
    store: { isFailing: false, failures: 3, waitingChanges: 23, committingMs: 1500 },
    garbage: new Map([['minor', { runs: 8, seconds: 0.25 }]]),
    process: {
      cpuSeconds: 1.5,
      residentBytes: 1e8,
      heapUsedBytes: 1e7,
      heapTotalBytes: 2e7,
      externalBytes: 3e6,
      openFiles: 21,
      mostOpenFiles: 1024,
      loopBusySeconds: 0.75,
    },
    startedAt: 1.7e9,
    ...changes,
  }
}

function scrape(changes: Partial<MetricsSource> = {}) {
  const families = parseExposition(formatMetrics(metrics, source(changes)))
  return {
    families,
    value: (name: string, labels = '') => families.get(name)?.samples.get(labels),
  }
}

test('metrics: every metric of the table is answered, in its type', () => {
  const { families } = scrape()
  assert.deepEqual([...families.keys()], Object.keys(metrics))
  for (const [name, { type }] of families) assert.equal(type, metrics[name]?.type, name)
})

test('metrics: whatever the broker counts is among them', () => {
  const counters = new Counters()
  const names = Object.keys(counters) as (keyof Counters)[]
  names.forEach((name, index) => {
    const value = 1_000_003 + index
    if (counters[name] instanceof Tally) counters[name].add(`reason ${value}`)
    else Object.assign(counters, { [name]: value })
  })
  const text = formatMetrics(metrics, source({ counters }))
  names.forEach((name, index) => {
    assert.match(text, new RegExp(`\\b${1_000_003 + index}\\b`), name)
  })
})

test('metrics: every figure stands under its own name, in seconds and bytes', () => {
  const { value } = scrape()
  assert.equal(value('castellan_connections', 'listener="1883 127.0.0.1",protocol="mqtt"'), 3)
  assert.equal(value('castellan_bridge_connected', 'bridge="up"'), 1)
  assert.equal(value('castellan_bridge_messages_waiting', 'bridge="up"'), 4)
  assert.equal(value('castellan_clients_connected', 'version="5.0"'), 4)
  assert.equal(value('castellan_revoked_certificates', 'listener="8883"'), 29)
  assert.equal(value('castellan_revocation_bytes', 'listener="8883"'), 3100)
  assert.equal(value('castellan_revocation_list_end_seconds', 'listener="8883",issuer="CN=CA"'), 1.8e9)
  assert.equal(value('castellan_slow_downs_total', 'after="failures"'), 9)
  assert.equal(value('castellan_slow_downs_waiting', 'after="failures"'), 1)
  assert.equal(value('castellan_gc_runs_total', 'kind="minor"'), 8)
  assert.equal(value('castellan_gc_seconds_total', 'kind="minor"'), 0.25)
  assert.equal(value('castellan_build_info', 'version="1.2.3",node="24.0.0"'), 1)
  const plain = {
    castellan_ready: 1,
    castellan_memory_used_bytes: 17,
    castellan_memory_limit_bytes: 19,
    castellan_memory_shortage: 1,
    castellan_sessions: 5,
    castellan_subscriptions: 7,
    castellan_shared_subscriptions: 2,
    castellan_retained_messages: 11,
    castellan_retained_bytes: 1100,
    castellan_waiting_messages: 13,
    castellan_waiting_bytes: 1300,
    castellan_publishers_held: 1,
    castellan_outbox_connections: 2,
    castellan_outbox_bytes: 200,
    castellan_password_checks_pending: 6,
    castellan_store_writable: 1,
    castellan_store_write_failures_total: 3,
    castellan_store_waiting_changes: 23,
    castellan_store_commit_seconds: 1.5,
    castellan_event_loop_lag_seconds: 0.25,
    castellan_event_loop_busy_seconds_total: 0.75,
    castellan_heap_used_bytes: 1e7,
    castellan_heap_bytes: 2e7,
    castellan_external_memory_bytes: 3e6,
    process_cpu_seconds_total: 1.5,
    process_resident_memory_bytes: 1e8,
    process_open_fds: 21,
    process_max_fds: 1024,
    process_start_time_seconds: 1.7e9,
  }
  for (const [name, expected] of Object.entries(plain)) assert.equal(value(name), expected, name)
})

test('metrics: of a store there is nothing without persistence', () => {
  const { families } = scrape({ store: undefined })
  assert.deepEqual(
    [...families.keys()].filter(name => name.includes('store')),
    [],
  )
})

test('metrics: what the machine cannot tell is left out, and the others stay', () => {
  const known = source().process
  const { families } = scrape({ process: { ...known, openFiles: undefined, mostOpenFiles: undefined } })
  assert.equal(families.has('process_open_fds'), false)
  assert.equal(families.has('process_max_fds'), false)
  assert.equal(families.size, Object.keys(metrics).length - 2)
})
