import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Engine } from '../../test/support/engine.ts'
import { parseExposition } from '../../test/support/exposition-parser.ts'
import { freePort } from '../../test/support/free-port.ts'
import { listenerDefaults } from '../../test/support/net-listener.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../auth/password-verifier.ts'
import { silentLog } from '../base/log.ts'
import { MemoryGuard } from '../broker/memory-guard.ts'
import type { Listener } from '../net/listener.ts'
import { LoopLag } from '../observe/loop-lag.ts'
import { Census } from './census.ts'
import { Monitor, type MonitorParts } from './monitor.ts'

/** As far as a monitor looks at a listener. */
function listener(settings: Partial<Listener['settings']>, connections = 0): Listener {
  const unused = () => assert.fail('a monitor only reads')
  const all = { ...listenerDefaults, ...settings }
  return {
    settings: all,
    port: all.port,
    trust: undefined,
    connections,
    advance: unused,
    start: unused,
    prepareReload: unused,
    close: unused,
  }
}

async function open(t: TestContext, changes: Partial<MonitorParts> = {}) {
  const { broker, clock } = new Engine()
  const address = { port: await freePort(), address: '127.0.0.1' }
  const monitor = new Monitor({
    broker,
    clock,
    verifier: new PasswordVerifier(passwordVerifierDefaults, clock),
    census: new Census(broker),
    lag: new LoopLag(100, clock.now()),
    memory: new MemoryGuard(broker, { read: () => assert.fail('not yet'), collect() {}, availableBytes: 1e9 }),
    log: silentLog,
    settings: () => ({ metrics_listener: address, metrics_host: [], health_max_lag: 5000 }),
    listeners: () => [listener({ port: 1883 })],
    bridges: () => [],
    checks: [],
    ...changes,
  })
  await monitor.open()
  t.after(() => monitor.close())
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${address.port}${path}`)
    return { status: response.status, body: await response.text() }
  }
  return { ask, broker, clock }
}

test('readiness: not before every listener is open, and not any more once the broker stops', async t => {
  let listeners: readonly Listener[] = []
  const { ask, broker } = await open(t, { listeners: () => listeners })
  assert.deepEqual(await ask('/readyz'), { status: 503, body: 'listeners: the broker is starting\n' })
  listeners = [listener({})]
  assert.equal((await ask('/readyz')).status, 200)
  broker.stop()
  assert.deepEqual(await ask('/readyz'), { status: 503, body: 'listeners: the broker is stopping\n' })
})

test('readiness: other parts of the broker have a say', async t => {
  let reason: string | undefined = 'it is being loaded'
  const { ask } = await open(t, { checks: [{ name: 'store', unreadyBecause: () => reason }] })
  assert.deepEqual(await ask('/readyz'), { status: 503, body: 'store: it is being loaded\n' })
  reason = undefined
  assert.equal((await ask('/readyz')).status, 200)
})

test('health: by the lag of the loop and `health_max_lag`', async t => {
  const { ask, clock } = await open(t)
  clock.advance(5100)
  assert.equal((await ask('/healthz')).status, 200)
  clock.advance(1)
  assert.equal((await ask('/healthz')).status, 503)
})

test('metrics: listeners are told apart, those of one address too, and TLS shows in the protocol', async t => {
  const { ask } = await open(t, {
    listeners: () => [
      listener({ port: 1883, address: undefined, bind_interface: 'eth0' }, 1),
      listener({ port: 1883, address: undefined, bind_interface: 'eth1' }, 2),
      listener({ port: 8883, address: '192.0.2.1', certfile: 'a.crt' }, 3),
      listener({ port: 0, path: '/run/"mqtt".sock' }, 4),
    ],
  })
  const samples = parseExposition((await ask('/metrics')).body).get('castellan_connections')?.samples
  assert.deepEqual(
    [...(samples ?? [])],
    [
      ['listener="1883",protocol="mqtt"', 1],
      ['listener="1883 (2)",protocol="mqtt"', 2],
      ['listener="8883 192.0.2.1",protocol="mqtts"', 3],
      ['listener="0 /run/\\"mqtt\\".sock 127.0.0.1",protocol="mqtt"', 4],
    ],
  )
})

test('metrics: a scrape looks at no session and no connection', async t => {
  const { ask, broker } = await open(t)
  const looked = () => assert.fail('somebody is counting')
  Object.defineProperty(broker.registry, 'values', { value: looked })
  Object.defineProperty(broker.connections, Symbol.iterator, { value: looked })
  assert.equal((await ask('/metrics')).status, 200)
})

test('metrics_listener: without it nothing is opened', async t => {
  const settings = { metrics_listener: undefined, metrics_host: [], health_max_lag: 5000 }
  const { ask } = await open(t, { settings: () => settings })
  await assert.rejects(ask('/healthz'), { name: 'TypeError' })
})
