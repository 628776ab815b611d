import assert from 'node:assert/strict'
import test from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fakeClock } from '../../test/support/fake-clock.ts'
import type { AuditedCommand } from '../audit/event.ts'
import { silentLog } from '../base/log.ts'
import { BrokerControl } from './broker-control.ts'
import type { BrokerView, ConnectionView } from './broker-view.ts'

/** Each look at a connection takes `costMs`. */
function start({ costMs = 0, isPermitted = (): boolean => true } = {}) {
  const clock = fakeClock()
  const looked: string[] = []
  const ended: string[] = []
  const connectionOf = (clientId: string): ConnectionView => ({
    clientId,
    username: undefined,
    address: '192.0.2.1',
    port: 1,
    describe: () => ({}),
    disconnect: () => ended.push(clientId),
  })
  const view: BrokerView = {
    listeners: () => [],
    plugins: () => [],
    connections: () => [],
    connection(clientId) {
      looked.push(clientId)
      clock.advance(costMs)
      return clientId === 'nobody' ? undefined : connectionOf(clientId)
    },
    explain: () => ({}),
    expelBanned: () => {},
  }
  const control = new BrokerControl(() => view, silentLog, undefined, clock)
  const notes: AuditedCommand[] = []
  const handle = (commands: readonly object[]) => {
    const payload = Buffer.from(JSON.stringify({ commands }))
    return control.handle({ payload, clientId: 'ctl', username: 'u', isPermitted, note: event => notes.push(event) })
  }
  return { handle, looked, ended, notes }
}

const many = (count: number, command = 'inspectConnection') =>
  Array.from({ length: count }, (_, i) => ({ command, clientid: `c${i}`, correlationData: String(i) }))

/** How much was done after each turn of the event loop, until all was. */
async function turns(handled: Promise<unknown>, looked: readonly string[]): Promise<readonly number[]> {
  const seen: number[] = []
  let isDone = false
  const done = handled.then(() => {
    isDone = true
  })
  while (!isDone) {
    seen.push(looked.length)
    await nextTurn()
  }
  await done
  return [...new Set(seen)]
}

test('a message with many commands is carried out in parts of 250, and answered as a whole, in order', async () => {
  const { handle, looked } = start()
  const handled = handle(many(1000))
  assert.deepEqual(await turns(handled, looked), [250, 500, 750, 1000])
  const { responses } = JSON.parse(Buffer.from((await handled).payload).toString())
  assert.deepEqual(
    responses.map(({ correlationData }: { correlationData: string }) => Number(correlationData)),
    Array.from({ length: 1000 }, (_, i) => i),
  )
})

test('a part ends where its time is over, and commands of others come between', async () => {
  const { handle, looked } = start({ costMs: 2 })
  const both = Promise.all([handle(many(9)), handle([{ command: 'inspectConnection', clientid: 'other' }])])
  await both
  assert.deepEqual(looked, ['c0', 'c1', 'c2', 'other', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'])
})

test('a message with few commands is carried out at once', async () => {
  const { handle, looked } = start()
  const handled = handle(many(250))
  assert.equal(looked.length, 250)
  await handled
})

test('whoever loses the right between two parts has nothing more done; what was done is told, and what had to wait happens', async () => {
  let asked = 0
  const { handle, ended, notes } = start({ isPermitted: () => ++asked <= 2 })
  await assert.rejects(handle(many(1000, 'disconnectClient')), { code: 'ERR_DYNSEC_RIGHT_LOST' })
  assert.deepEqual([ended.length, notes.length], [500, 500])
})

test('who may not ask any more when the message is looked at has nothing done', async () => {
  const { handle, looked } = start({ isPermitted: () => false })
  await assert.rejects(handle(many(1)), { code: 'ERR_DYNSEC_RIGHT_LOST' })
  assert.deepEqual(looked, [])
})
