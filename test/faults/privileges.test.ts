// A broker that was started as root keeps its store as the user that it becomes (mosquitto.conf(5), `user`).

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { runBroker, startBroker } from '../support/broker-process.ts'
import { enter, publishAndWait, subscribe } from './fault-broker.ts'

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can become another user' }
/** On every system, and nobody's who runs tests. */
const user = 'nobody'

const config = ({ port, dir }: { port: number; dir: string }) =>
  `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location ${dir}/state\nuser ${user}`

test('conf §1, user: the store that is not there yet is made for the user that the broker becomes', asRoot, async t => {
  const broker = await startBroker(t, { config })
  const client = await enter(t, broker, { clientId: 'lasting', isLasting: true })
  assert.equal(await subscribe(client, 'own'), 1)
  assert.equal(await publishAndWait(await enter(t, broker), 'own', 'x'), 0)
  const uid = Number(execFileSync('id', ['-u', user], { encoding: 'utf8' }))
  for (const name of ['castellan-store', 'castellan-store/data.mdb']) {
    assert.equal(statSync(join(broker.dir, 'state', name)).uid, uid, name)
  }
  assert.equal(statSync(join(broker.dir, 'state/castellan-store')).mode & 0o777, 0o700)
  assert.equal(statSync(join(broker.dir, 'state')).uid, 0, 'what lies above it is not given away')
})

test(
  'conf §1, user: a store of somebody else ends the start with exit code 1, and with what to do about it',
  asRoot,
  async t => {
    const occupied = (place: { port: number; dir: string }) => {
      mkdirSync(join(place.dir, 'state/castellan-store'), { recursive: true, mode: 0o700 })
      return config(place)
    }
    const program = await runBroker(t, 'castellan', { config: occupied })
    assert.equal(program.ended?.code, 1)
    const said = program.stderr.join('\n')
    assert.match(said, /castellan-store'/)
    assert.match(
      said,
      new RegExp(`The broker runs as '${user}' \\(option 'user'\\), which may not: let that account have`),
    )
  },
)

test(
  'conf §1, user: a place where the store cannot be made ends the start with exit code 1, and with why',
  asRoot,
  async t => {
    const blocked = (place: { port: number; dir: string }) => {
      writeFileSync(join(place.dir, 'state'), 'a file')
      return config(place)
    }
    const program = await runBroker(t, 'castellan', { config: blocked })
    assert.equal(program.ended?.code, 1)
    assert.match(
      program.stderr.join('\n'),
      new RegExp(`Error: Unable to make '.*/state/castellan-store' for user '${user}': EEXIST`),
    )
  },
)

test('conf §1, PUID, PGID: these numbers go before `user`, also where no account has them', asRoot, async t => {
  const broker = await startBroker(t, { config, env: { PUID: '23456', PGID: '34567' } })
  await enter(t, broker)
  const { uid, gid } = statSync(join(broker.dir, 'state/castellan-store/data.mdb'))
  assert.deepEqual([uid, gid], [23456, 34567])
})

test('conf §1, PUID: a store that may not be used is told of with the number of the account', asRoot, async t => {
  const occupied = (place: { port: number; dir: string }) => {
    mkdirSync(join(place.dir, 'state/castellan-store'), { recursive: true, mode: 0o700 })
    return config(place)
  }
  const program = await runBroker(t, 'castellan', { config: occupied, env: { PUID: '23456' } })
  assert.equal(program.ended?.code, 1)
  assert.match(program.stderr.join('\n'), /The broker runs as '23456' \(option 'user'\), which may not/)
})

test('conf §1, PUID: what is no number ends the start with exit code 3', asRoot, async t => {
  const program = await runBroker(t, 'castellan', { config, env: { PUID: 'mosquitto' } })
  assert.match(program.report(), /Error: Invalid PUID 'mosquitto'; it is the number of a user\./)
  assert.equal(program.ended?.code, 3)
})
