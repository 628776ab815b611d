// `castellan store` through the real program: on a stopped broker's store, on a running one's, and on Mosquitto's file.

import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerProcess, castellanProgram, startBroker, startMosquitto } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'
import { runProgram } from '../support/line-process.ts'

const config = (place: { readonly port: number; readonly dir: string }) =>
  `listener ${place.port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${place.dir}/\n`

/** With one session, a message that waits for it, and a retained message. */
async function fill(t: TestContext, { port }: BrokerProcess): Promise<void> {
  const where = ['-h', '127.0.0.1', '-p', String(port)]
  const subscribe = ['-i', 'away', '-c', '-q', '1', '-t', 'a/#', '-E']
  assert.equal((await runTool(t, 'mosquitto_sub', [...where, ...subscribe])).code, 0)
  assert.equal((await runTool(t, 'mosquitto_pub', [...where, '-q', '1', '-r', '-t', 'a/b', '-m', 'kept'])).code, 0)
}

async function castellan(t: TestContext, ...args: readonly string[]) {
  const program = await runProgram(t, castellanProgram, ['store', ...args])
  const { code } = await program.exit()
  return { code, stdout: program.stdout.join('\n'), stderr: program.stderr.join('\n') }
}

test('castellan store backup: of a running broker, into a directory of its own, and what is in it is all there', async t => {
  const broker = await startBroker(t, { config })
  await fill(t, broker)
  const [store, copy] = [join(broker.dir, 'castellan-store'), join(broker.dir, 'copy')]
  assert.deepEqual(await castellan(t, 'backup', store, copy), { code: 0, stdout: '', stderr: '' })
  const { code, stdout } = await castellan(t, 'check', copy)
  assert.equal(code, 0)
  // A short message lies in the row of the one session that waits for it.
  assert.match(stdout, /^sessions: 1\nsubscriptions: 1\ninbound: 0\nmessages: 0\nqueue: 1\nretained: 1\n/)
  assert.equal((await stat(copy)).mode & 0o777, 0o700)
  assert.equal((await stat(join(copy, 'data.mdb'))).mode & 0o777, 0o600)
  // The broker goes on, and its next copy is not written over the first.
  await fill(t, broker)
  const again = await castellan(t, 'backup', store, copy)
  assert.match(again.stderr, /copy' is there already; a backup makes its own directory$/)
  assert.equal(again.code, 1)
})

test('castellan store check, export, import, compact: refused while a broker has the store, by the number of its process', async t => {
  const broker = await startBroker(t, { config })
  const store = join(broker.dir, 'castellan-store')
  const lines = join(broker.dir, 'lines')
  await writeFile(lines, '{"castellanStore":2}\n{"rows":0}\n')
  for (const args of [
    ['check', store],
    ['export', store],
    ['import', lines, store],
    ['compact', store],
  ]) {
    const { code, stdout, stderr } = await castellan(t, ...args)
    assert.match(
      stderr,
      /^castellan store: the store in '.*' is in use by process \d+; one process at a time may have it$/,
    )
    assert.deepEqual({ code, stdout }, { code: 5, stdout: '' })
  }
})

test('castellan store import: what export wrote is the same store again', async t => {
  const broker = await startBroker(t, { config })
  await fill(t, broker)
  await broker.stop()
  const { stdout } = await castellan(t, 'export', join(broker.dir, 'castellan-store'))
  const lines = join(broker.dir, 'lines')
  await writeFile(lines, `${stdout}\n`)
  const other = join(broker.dir, 'other')
  assert.equal((await castellan(t, 'import', lines, other)).code, 0)
  assert.equal((await castellan(t, 'export', other)).stdout, stdout)
})

test("castellan store import: Mosquitto's file is taken by what it begins with, once, and never written", async t => {
  const mosquitto = await startMosquitto(t, { config })
  await fill(t, mosquitto)
  await mosquitto.stop()
  const [file, store] = [join(mosquitto.dir, 'mosquitto.db'), join(mosquitto.dir, 'castellan-store')]
  const bytes = await readFile(file)
  assert.deepEqual(await castellan(t, 'import', file, store), {
    code: 0,
    stdout:
      'imported from mosquitto.db, format 6: sessions: 1, subscriptions: 1, waiting messages: 1, retained messages: 1',
    stderr: '',
  })
  assert.deepEqual(await readFile(file), bytes)
  const again = await castellan(t, 'import', file, store)
  assert.match(again.stderr, /the store is not empty; import into a new directory/)
  assert.equal(again.code, 5)
  await writeFile(file, bytes.subarray(0, -1))
  const damaged = await castellan(t, 'import', file, `${store}-2`)
  assert.match(damaged.stderr, /^castellan store: cannot import '.*mosquitto\.db': at byte \d+: /)
  assert.equal(damaged.code, 7)
  assert.match((await castellan(t, 'check', `${store}-2`)).stdout, /^sessions: 0\n/)
})
