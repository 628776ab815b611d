import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { verifyPassword } from '../auth/password-hash.ts'
import { firstStart } from './first-start.ts'
import type { SecurityState } from './state.ts'

async function fits(state: SecurityState, name: string, password: string): Promise<boolean> {
  const hash = state.clients.get(name)?.password?.hash
  return hash !== undefined && (await verifyPassword(hash, Buffer.from(password)))
}

function initFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-dynsec-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'password')
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

test('features G3: MOSQUITTO_DYNSEC_PASSWORD becomes the password of admin, and there is no demo client', async () => {
  const { state, passwords } = await firstStart(undefined, { MOSQUITTO_DYNSEC_PASSWORD: 'twelve chars' })
  assert.equal(passwords, undefined)
  assert.equal(await fits(state, 'admin', 'twelve chars'), true)
  assert.equal(state.clients.size, 1)
})

test('features G3: a password of fewer than 12 characters is refused, and nothing is made', async () => {
  await assert.rejects(firstStart(undefined, { MOSQUITTO_DYNSEC_PASSWORD: 'eleven char' }), {
    message: 'Error: Not generating dynsec config, MOSQUITTO_DYNSEC_PASSWORD must be at least 12 characters.',
  })
})

test('dynsec 2: the first line of the init file goes before the environment', async t => {
  const path = initFile(t, ' from the file \nsecond line')
  const { state, passwords } = await firstStart(path, { MOSQUITTO_DYNSEC_PASSWORD: 'from the environment' })
  assert.equal(await fits(state, 'admin', 'from the file'), true)
  assert.equal(passwords, undefined)
})

test('dynsec 2: an init file that is empty or not there is refused', async t => {
  await assert.rejects(firstStart(initFile(t, '\nx'), {}), { code: 'ERR_DYNSEC_FILE' })
  await assert.rejects(firstStart('/nowhere/at/all', {}), { code: 'ERR_DYNSEC_FILE' })
})

test('dynsec 2: without either, passwords of 20 characters are made up for admin and democlient', async () => {
  const { state, passwords } = await firstStart(undefined, {})
  const [, admin, demo] = /^admin ([\w-]{20})\ndemoclient ([\w-]{20})\n$/.exec(passwords ?? '') ?? []
  assert.ok(admin !== undefined && demo !== undefined && admin !== demo)
  assert.deepEqual([await fits(state, 'admin', admin), await fits(state, 'democlient', demo)], [true, true])
})

test('dynsec 2: the roles, the groups and the default access of a first start', async () => {
  const { state } = await firstStart(undefined, { MOSQUITTO_DYNSEC_PASSWORD: 'twelve chars' })
  const four = ['publishClientSend', 'publishClientReceive', 'subscribePattern', 'unsubscribePattern']
  const roles = state.roles.values().map(({ name, acls }) => [name, acls[0]?.topic, acls.map(({ type }) => type)])
  assert.deepEqual(roles, [
    ['broker-admin', '$CONTROL/broker/#', four],
    ['client', '#', four],
    ['dynsec-admin', '$CONTROL/dynamic-security/#', four],
    ['super-admin', '$CONTROL/#', four],
    ['sys-notify', '$SYS/broker/connection/%c/state', ['publishClientSend']],
    ['sys-observe', '$SYS/#', ['publishClientReceive', 'subscribePattern']],
    ['topic-observe', '#', ['publishClientReceive', 'subscribePattern', 'unsubscribePattern']],
  ])
  const admin = state.clients.get('admin')
  assert.equal(admin?.textName, 'Admin user')
  assert.deepEqual(
    [...(admin?.roles.keys() ?? [])].map(({ name }) => name),
    ['super-admin', 'sys-observe', 'topic-observe'],
  )
  assert.deepEqual([state.anonymousGroup?.name, state.anonymousGroup?.roles.size], ['unauthenticated', 0])
  assert.deepEqual(state.defaultAccess, {
    publishClientSend: false,
    publishClientReceive: true,
    subscribe: false,
    unsubscribe: true,
  })
})
