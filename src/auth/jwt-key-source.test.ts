import assert from 'node:assert/strict'
import test from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { keySet, signingKeys } from '../../test/support/tokens.ts'
import type { Log } from '../base/log.ts'
import { fetchedKeys, fixedKeys, keySetLifeMs, keySetPauseMs } from './jwt-key-source.ts'
import { parseKeySet } from './jwt-keys.ts'

const { ES256: first, ES384: second } = signingKeys
const url = 'https://issuer.example/keys'

/** A server whose set a test changes; `undefined` for one that does not answer. */
function server() {
  const clock = fakeClock()
  const lines: string[] = []
  const log: Log = { enabled: () => true, write: (_, line) => void lines.push(line) }
  const state = { set: keySet({ one: first }) as string | undefined, fetches: 0, clock, lines }
  const source = fetchedKeys(url, {
    log,
    wallClock: clock.now,
    fetch: async asked => {
      assert.equal(asked, url)
      state.fetches++
      if (state.set === undefined) throw new Error('no answer')
      return state.set
    },
  })
  const ids = async (id: string | undefined, algorithm: 'ES256' | 'ES384' = 'ES256') =>
    (await source.find(id, algorithm)).map(key => key.id)
  return { state, source, ids }
}

test('features K5: a set is fetched with the first token, once for all who wait, and again after ten minutes', async () => {
  const { state, ids } = server()
  assert.equal(state.fetches, 0)
  const answers = await Promise.all([ids('one'), ids('one'), ids(undefined)])
  assert.deepEqual(answers, [['one'], ['one'], ['one']])
  assert.equal(state.fetches, 1)
  state.clock.advance(keySetLifeMs - 1)
  await ids('one')
  assert.equal(state.fetches, 1)
  state.clock.advance(1)
  await ids('one')
  assert.equal(state.fetches, 2)
})

test('features K5: rotation: a token by a new key has the set fetched, and one by a key that has gone counts no more', async () => {
  const { state, ids } = server()
  await ids('one')
  state.set = keySet({ two: second })
  state.clock.advance(keySetPauseMs)
  assert.deepEqual(await ids('two', 'ES384'), ['two'])
  assert.deepEqual(await ids('one'), [])
})

test('features K5: whoever names keys that do not exist has the set fetched twice a minute and no more', async () => {
  const { state, ids } = server()
  await ids('one')
  for (let i = 0; i < 100; i++) assert.deepEqual(await ids(`guess ${i}`), [])
  assert.equal(state.fetches, 1)
  state.clock.advance(keySetPauseMs)
  for (let i = 0; i < 100; i++) await ids(`guess ${i}`)
  assert.equal(state.fetches, 2)
})

test('features K5: while nothing is fetched the keys count until they are ten minutes old, and then nobody is let in', async () => {
  const { state, ids } = server()
  await ids('one')
  state.set = undefined
  state.clock.advance(keySetLifeMs - 1)
  assert.deepEqual(await ids('gone'), [])
  assert.deepEqual(await ids('one'), ['one'])
  state.clock.advance(keySetPauseMs)
  await assert.rejects(ids('one'), /jwt_jwks_url cannot be fetched/)
  assert.match(state.lines.join('\n'), /Unable to fetch jwt_jwks_url "https:\/\/issuer\.example\/keys": no answer\./)
  state.set = '<html>'
  state.clock.advance(keySetPauseMs)
  await assert.rejects(ids('one'))
  state.set = keySet({ one: first })
  await assert.rejects(ids('one'), 'not before the pause is over')
  state.clock.advance(keySetPauseMs)
  assert.deepEqual(await ids('one'), ['one'])
})

test('features K5: whom a set has let in stays when it is fetched anew, and goes when another set takes its place', async () => {
  const { state, source, ids } = server()
  await ids('one')
  const [key] = await source.find('one', 'ES256')
  state.set = keySet({ two: second })
  state.clock.advance(keySetLifeMs)
  await ids('two', 'ES384')
  assert.equal(source.holds(key!.fingerprint), true)
  const other = fetchedKeys(`${url}2`, {
    log: { enabled: () => false, write() {} },
    wallClock: () => 0,
    fetch: async () => '',
  })
  assert.equal(other.holds(key!.fingerprint), false)
})

test('features K5: of the keys that a configuration names, those that were taken away hold nobody', () => {
  const [key] = parseKeySet(keySet({ one: first }))
  const now = fixedKeys(parseKeySet(keySet({ two: second })))
  assert.equal(fixedKeys([key!]).holds(key!.fingerprint), true)
  assert.equal(now.holds(key!.fingerprint), false)
})
