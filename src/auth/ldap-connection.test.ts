import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import test, { type TestContext } from 'node:test'
import { type LdapQuery, ldapConnector } from './ldap-connection.ts'

/** A server that answers the first message, number 2, with these bytes. */
async function connected(t: TestContext, answer: string) {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(Buffer.from(answer, 'hex')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `ldap://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connection = await ldapConnector({ url, startTls: false, ca: undefined, timeoutMs: 5000 })()
  t.after(() => connection.close())
  return connection
}

/** A searchResEntry `cn=a` without attributes (RFC 4511 §4.5.2). */
const entry = '300d 0201 02 6408 0404 636e3d61 3000'
/** A searchResDone with a result code, and neither name nor message. */
const done = (code: string) => `300c 0201 02 6507 0a01 ${code} 0400 0400`

const searches: readonly (readonly [
  what: string,
  answer: string,
  scope: LdapQuery['scope'],
  found: number | RegExp,
])[] = [
  ['all of it', entry + done('00'), 'sub', 1],
  ['nothing', done('00'), 'sub', 0],
  ['what a limit of the server has cut', entry + done('04'), 'sub', /Code: 0x4/],
  ['a referral to another server', done('0a'), 'sub', /Code: 0xa/],
  ['that the entry is not there', done('20'), 'base', 0],
  ['that the place to search below is not there', done('20'), 'sub', /Code: 0x20/],
]

for (const [what, answer, scope, found] of searches) {
  const meaning = typeof found === 'number' ? `${found} entries` : 'no answer'
  test(`features K6: LDAP: a server that finds ${what}: ${meaning}`, async t => {
    const connection = await connected(t, answer.replaceAll(' ', ''))
    const searching = connection.search({ base: 'dc=a', scope, filter: '(cn=a)' })
    if (typeof found === 'number') assert.equal((await searching).length, found)
    else await assert.rejects(searching, found)
  })
}

/** A bindResponse with a result code (RFC 4511 §4.2.2). */
const bound = (code: string) => `300c 0201 02 6107 0a01 ${code} 0400 0400`

const binds: readonly (readonly [what: string, code: string, outcome: boolean | RegExp])[] = [
  ['success', '00', true],
  ['invalidCredentials', '31', false],
  ['noSuchObject', '20', false],
  ['a referral', '0a', /Code: 0xa/],
  ['that more is to come', '0e', /./],
]

for (const [what, code, outcome] of binds) {
  test(`features K6: LDAP: a bind that is answered with ${what} ${outcome === true ? 'lets in' : 'does not'}`, async t => {
    const connection = await connected(t, bound(code).replaceAll(' ', ''))
    const binding = connection.bind('cn=a', 'secret')
    if (typeof outcome === 'boolean') assert.equal(await binding, outcome)
    else await assert.rejects(binding, outcome)
  })
}
