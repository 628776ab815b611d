import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine } from '../../test/support/engine.ts'
import { fileRealm, identity, lenientRealm } from '../../test/support/realms.ts'
import { type Authentication, deny, type Realm } from '../auth/realm.ts'
import { ApiDoor } from './http-api-door.ts'

const peer = { address: '192.0.2.1', port: 40_000 }
const elsewhere = { address: '192.0.2.2', port: 40_000 }
const credentials = { username: 'user', password: Buffer.from('pw') }
const wrong = deny('bad-user-name-or-password', 'test')

function made(realm: Partial<Realm> & Pick<Realm, 'authenticate'>) {
  const engine = new Engine()
  const open = fileRealm({ allowAnonymous: true })
  engine.listener.realm = lenientRealm({ beginExchange: () => undefined, access: open.access.bind(open), ...realm })
  return { engine, door: new ApiDoor(engine.broker, engine.listener) }
}

/** Whom these tests let in: somebody without a name, as another realm has proven. */
async function admitted(): Promise<Authentication> {
  return await fileRealm({ allowAnonymous: true }).authenticate(identity())
}

test('protocol http_api: whoever asks is judged as the client http-api, from where the request comes', async () => {
  const asked: unknown[] = []
  const { door } = made({
    async authenticate({ clientId, username, password, address }) {
      asked.push([clientId, username, Buffer.from(password ?? []).toString(), address])
      return await admitted()
    },
  })
  assert.ok('mayRead' in (await door.judge(credentials, peer)))
  await door.judge(undefined, peer)
  assert.deepEqual(asked, [
    ['http-api', 'user', 'pw', '192.0.2.1'],
    ['http-api', undefined, '', '192.0.2.1'],
  ])
})

test('protocol http_api: wrong passwords count against the address and the user; a request without one does not', async () => {
  const { door, engine } = made({ authenticate: () => wrong })
  for (let count = 0; count < 10; count++) assert.deepEqual(await door.judge(undefined, peer), { status: 401 })
  for (let count = 0; count < 6; count++) assert.deepEqual(await door.judge(credentials, peer), { status: 401 })
  assert.deepEqual(await door.judge(credentials, peer), { status: 429, retryAfterSeconds: 1 })
  assert.deepEqual(await door.judge(undefined, peer), { status: 429, retryAfterSeconds: 1 })
  assert.deepEqual(
    await door.judge(credentials, elsewhere),
    { status: 401 },
    'an address that has not failed is judged',
  )
  engine.pass(60_000)
  assert.deepEqual(await door.judge(credentials, peer), { status: 401 })
})

test('protocol http_api: of an address that has failed, requests are judged one after the other', async () => {
  let answer = (_: Authentication) => {}
  const waits = () =>
    new Promise<Authentication>(resolve => {
      answer = resolve
    })
  const { door } = made({ authenticate: waits })
  const first = door.judge(credentials, peer)
  const beside = door.judge(credentials, elsewhere)
  answer(wrong)
  await beside
  const second = door.judge(credentials, elsewhere)
  assert.deepEqual(await door.judge(credentials, elsewhere), { status: 429, retryAfterSeconds: 1 })
  answer(wrong)
  assert.deepEqual(await second, { status: 401 })
  void first
})

test('protocol http_api: who is banned is refused, by address before the password, by name after it', async () => {
  const asked: unknown[] = []
  const { door, engine } = made({ authenticate: admitted })
  engine.broker.bans = {
    ruleFor(clientId, username, address) {
      asked.push([clientId, username, address])
      return address === elsewhere.address || clientId === 'http-api' ? 'banned' : undefined
    },
  }
  assert.deepEqual(await door.judge(credentials, elsewhere), { status: 401 })
  assert.deepEqual(await door.judge(credentials, peer), { status: 401 })
  assert.deepEqual(asked, [
    [undefined, undefined, '192.0.2.2'],
    [undefined, undefined, '192.0.2.1'],
    ['http-api', undefined, '192.0.2.1'],
  ])
})

test('protocol http_api: who is proven may be disabled, and a realm that is busy says so', async () => {
  const disabled = made({ authenticate: admitted, stillAdmits: () => false })
  assert.deepEqual(await disabled.door.judge(credentials, peer), { status: 401 })
  const busy = made({ authenticate: () => deny('busy', 'test') })
  assert.deepEqual(await busy.door.judge(credentials, peer), { status: 503 })
})
