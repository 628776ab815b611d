// A start that is refused leaves nothing behind that was not there before, and takes nothing away that was.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type Place, runBroker, startBroker } from '../support/broker-process.ts'

/** A port that another program has. */
async function takenPort(t: TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const config = (port: number, dir: string) =>
  `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${dir}/state\n`

/** @param prepare what is there before @returns what is in `persistence_location` afterwards, and in the store */
async function refusedStart(t: TestContext, prepare: (state: string) => void, lines = '') {
  const port = await takenPort(t)
  let state = ''
  const program = await runBroker(t, 'castellan', {
    config({ dir }: Place) {
      state = join(dir, 'state')
      mkdirSync(state)
      prepare(state)
      return `${config(port, dir)}${lines}`
    },
  })
  assert.notEqual(program.ended?.code, 0)
  const store = join(state, 'castellan-store')
  return { report: program.report(), left: readdirSync(state), store: existsSync(store) ? readdirSync(store) : [] }
}

test('a first start that finds its port taken leaves no store behind', async t => {
  const { left, report } = await refusedStart(t, () => {})
  assert.match(report, /address already in use/i)
  assert.deepEqual(left, [])
})

test('a first start that is refused for a certificate leaves no store behind', async t => {
  const { left, report } = await refusedStart(t, () => {}, 'certfile nowhere.crt\nkeyfile nowhere.key\n')
  assert.match(report, /nowhere\.crt/)
  assert.deepEqual(left, [])
})

test('conf §1, user: nor does one of root, where the account may remove what was made for it', {
  skip: process.getuid?.() !== 0 && 'only root can become another user',
}, async t => {
  const id = (what: string) => Number(execFileSync('id', [what, 'nobody'], { encoding: 'utf8' }))
  const own = (state: string) => chownSync(state, id('-u'), id('-g'))
  const early = await refusedStart(t, own, 'user nobody\ncertfile nowhere.crt\nkeyfile nowhere.key\n')
  assert.deepEqual(early.left, [], early.report)
  const late = await refusedStart(t, own, 'user nobody\n')
  assert.deepEqual(late.left, [], late.report)
})

test('a directory that was made for the store stays, and is as it was', async t => {
  const made = await refusedStart(t, state => mkdirSync(join(state, 'castellan-store'), { mode: 0o700 }))
  assert.deepEqual([made.left, made.store], [['castellan-store'], []])
})

test('a store that was there stays, whatever its start is refused for', async t => {
  const broker = await startBroker(t, {
    config({ port, dir }) {
      mkdirSync(join(dir, 'state'))
      return config(port, dir)
    },
  })
  await broker.stop()
  const port = await takenPort(t)
  const refused = await runBroker(t, 'castellan', { config: () => config(port, broker.dir) })
  assert.match(refused.report(), /address already in use/i)
  assert.ok(existsSync(join(broker.dir, 'state/castellan-store/data.mdb')))
})
