import assert from 'node:assert/strict'
import test from 'node:test'
import { verifyPassword } from '../auth/password-hash.ts'
import type { RightsHolder } from '../auth/user-directory.ts'
import type { Log } from '../base/log.ts'
import { DynamicSecurity, type SecurityHost } from './dynamic-security.ts'
import { readState } from './read-file.ts'

interface Setup {
  readonly file?: object
  readonly write?: () => Promise<void>
  readonly isFull?: () => boolean
  readonly disconnects?: boolean
}

const isPermitted = () => true

function start({ file = {}, write = async () => {}, isFull = () => false, disconnects = true }: Setup = {}) {
  const lines: string[] = []
  const log: Log = { enabled: () => true, write: (type, line) => void lines.push(`${type}: ${line}`) }
  const { state } = readState(Buffer.from(JSON.stringify(file)), 'f')
  const security = new DynamicSecurity({
    state,
    keeper: {
      save: write,
      fold: write,
      get isFull() {
        return isFull()
      },
    },
    log,
    disconnects: () => disconnects,
  })
  const send = async (payload: unknown) => {
    const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify({ commands: payload }))
    const answer = await security.handle({ payload: bytes, clientId: 'c', username: 'root', isPermitted })
    return { text: Buffer.from(answer.payload).toString(), carryOut: () => answer.carryOut() }
  }
  return { security, lines, send }
}

function holder(username: string | undefined, given: Partial<RightsHolder> = {}): RightsHolder {
  return { username, roles: [], groups: [], ...given }
}

const create = (username: string, more: object = {}) => ({ command: 'createClient', username, ...more })

const envelopes: readonly (readonly [payload: string, responses: string])[] = [
  ['{', '{"command":"Unknown command","error":"Payload not valid JSON"}'],
  ['', '{"command":"Unknown command","error":"Payload not valid JSON"}'],
  ['[]', '{"command":"Unknown command","error":"Invalid/missing commands"}'],
  ['{"commands":{}}', '{"command":"Unknown command","error":"Invalid/missing commands"}'],
  ['{"commands":[]}', ''],
  [
    '{"commands":[{"command":"nope","correlationData":"é"}]}',
    '{"command":"nope","error":"Unknown command","correlationData":"é"}',
  ],
  [
    '{"commands":[{"command":"getAnonymousGroup"},5,{"command":"getDetails"}]}',
    '{"command":"getAnonymousGroup","data":{"group":{"groupname":""}}},{"command":"Unknown command","error":"Command not an object"}',
  ],
  ['{"commands":[{},{"command":"getDetails"}]}', '{"command":"Unknown command","error":"Missing command"}'],
  [
    '{"commands":[{"command":"getDetails","correlationData":5},{"command":"getDetails"}]}',
    '{"command":"getDetails","error":"Invalid correlationData data type."}',
  ],
  [
    '{"COMMANDS":[{"COMMAND":"GETanonymousGROUP","correlationdata":"1"}]}',
    '{"command":"GETanonymousGROUP","data":{"group":{"groupname":""}},"correlationData":"1"}',
  ],
]

for (const [payload, responses] of envelopes) {
  test(`dynsec 1: ${payload} is answered as Mosquitto answers it`, async () => {
    assert.equal((await start().send(payload)).text, `{"responses":[${responses}]}`)
  })
}

test('dynsec 1: a payload that is not UTF-8, or holds more commands than are carried out in one turn, is refused', async () => {
  const { security, send } = start()
  const answer = await security.handle({
    payload: Uint8Array.of(0x22, 0xff, 0x22),
    clientId: 'c',
    username: 'root',
    isPermitted,
  })
  assert.match(Buffer.from(answer.payload).toString(), /Payload not valid JSON/)
  const many = Array.from({ length: 10_001 }, (_, i) => create(`u${i}`))
  assert.match((await send(many)).text, /"Too many commands"/)
  assert.equal(security.state.clients.size, 0)
})

test('dynsec 1: the commands of one message are carried out in order, and those before a fault stay done', async () => {
  const { security, send } = start()
  const { text } = await send([create('a'), create('a'), create('b')])
  assert.deepEqual(
    JSON.parse(text).responses.map(({ error }: { error?: string }) => error),
    [undefined, 'Client already exists', undefined],
  )
  await send('{"commands":[{"command":"createClient","username":"d"},5]}')
  assert.deepEqual(
    security.state.clients.values().map(({ name }) => name),
    ['a', 'b', 'd'],
  )
})

test('dynsec 1: messages are carried out in the order in which they came, also when a password takes its time', async () => {
  const { send } = start()
  const answers = await Promise.all([send([create('a', { password: 'p' })]), send([create('a')])])
  assert.doesNotMatch(answers[0]?.text ?? '', /error/)
  assert.match(answers[1]?.text ?? '', /Client already exists/)
})

test('a request that had to wait is not carried out when whoever asked has lost the right meanwhile', async () => {
  const { security, send } = start({ file: { clients: [{ username: 'root' }] } })
  const payload = Buffer.from(JSON.stringify({ commands: [create('b', { password: 'p' })] }))
  const first = send([
    { command: 'setClientPassword', username: 'root', password: 'p' },
    { command: 'deleteClient', username: 'root' },
  ])
  const second = security.handle({
    payload,
    clientId: 'c',
    username: 'root',
    isPermitted: () => security.user('root') !== undefined,
  })
  await first
  await assert.rejects(second, { code: 'ERR_DYNSEC_RIGHT_LOST' })
  assert.equal(security.user('b'), undefined)
  await send([create('c')])
  assert.ok(security.user('c'), 'the next one is carried out')
})

test('a right that is lost while a password is hashed counts, too', async () => {
  const { security } = start()
  const payload = Buffer.from(JSON.stringify({ commands: [create('b', { password: 'p' })] }))
  let asked = 0
  const request = { payload, clientId: 'c', username: 'root', isPermitted: () => asked++ === 0 }
  await assert.rejects(security.handle(request), { code: 'ERR_DYNSEC_RIGHT_LOST' })
  assert.equal(security.user('b'), undefined)
})

test('commands after an answer of sixteen million characters are not carried out, and say so', async () => {
  const textdescription = 'x'.repeat(1_000_000)
  const { security, send } = start({ file: { clients: [{ username: 'a', textdescription }] } })
  const list = { command: 'listClients', verbose: true }
  const { text } = await send([...Array.from({ length: 40 }, () => list), create('b')])
  const errors: unknown[] = JSON.parse(text).responses.map(({ error }: { error?: string }) => error)
  const answered = errors.indexOf('Answer too large')
  assert.equal(answered, 17)
  assert.equal(errors.filter(error => error === 'Answer too large').length, 24)
  assert.equal(security.user('b'), undefined)
  assert.doesNotMatch((await send([create('b')])).text, /error/)
})

test('an answer waits for the disk, and meanwhile what was asked for holds', async () => {
  const disk = Promise.withResolvers<void>()
  const { security, send } = start({ write: () => disk.promise })
  const changed = Promise.withResolvers<void>()
  security.host = { reassess: () => changed.resolve(), addresses: () => new Map() }
  let isAnswered = false
  const answer = send([create('a')]).then(() => {
    isAnswered = true
  })
  await changed.promise
  assert.equal(security.user('a') !== undefined, true)
  assert.equal(isAnswered, false)
  disk.resolve()
  await answer
  assert.equal(isAnswered, true)
})

test('what only asks is answered without the disk', async () => {
  const { send } = start({ write: () => assert.fail('nothing is written') })
  assert.match((await send([{ command: 'getDetails' }])).text, /changeIndex/)
  assert.match((await send([create('')])).text, /Empty username/)
})

test('what could not be saved is not said to be done, and is written again until it is', async () => {
  let isFull = true
  const { security, send, lines } = start({
    write: async () => {
      if (isFull) throw new Error('ENOSPC: no space left')
    },
  })
  const { text } = await send([create('a', { correlationData: '7' }), { command: 'getAnonymousGroup' }])
  assert.deepEqual(JSON.parse(text).responses, [
    { command: 'createClient', error: 'Internal error', correlationData: '7' },
    { command: 'getAnonymousGroup', data: { group: { groupname: '' } } },
  ])
  assert.ok(lines.includes('error: Error: Dynamic security config could not be written: ENOSPC: no space left'))
  await security.retry()
  assert.equal(security.isUnsaved, true)
  isFull = false
  await security.retry()
  assert.equal(security.isUnsaved, false)
})

test('dynsec 1: whoever asked is judged again after the answer, everybody else at once', async () => {
  const judged: string[] = []
  const host: SecurityHost = {
    reassess: change => void judged.push(...['root', 'a'].filter(name => change.concerns(holder(name)))),
    addresses: () => new Map(),
  }
  const { security, send } = start({ file: { clients: [{ username: 'root' }, { username: 'a' }] } })
  security.host = host
  const { carryOut } = await send([
    { command: 'disableClient', username: 'root' },
    { command: 'disableClient', username: 'a' },
  ])
  assert.deepEqual(judged, ['a'])
  carryOut()
  assert.deepEqual(judged, ['a', 'root'])
})

test('features G5: with disconnect_on_role_change false nobody is disconnected, and all who are concerned are judged', async () => {
  const { security, send } = start({
    file: { clients: [{ username: 'a' }], roles: [{ rolename: 'r' }] },
    disconnects: false,
  })
  const seen: boolean[][] = []
  security.host = {
    reassess: change =>
      void seen.push([change.concerns(holder('a')), change.disconnects(holder('a')), change.concerns(holder('b'))]),
    addresses: () => new Map(),
  }
  await send([{ command: 'addClientRole', username: 'a', rolename: 'r' }])
  assert.deepEqual(seen, [[true, false, false]])
})

test('dynsec 1: the log tells who has done what, without passwords, and nobody can forge a line of it', async () => {
  const { send, lines } = start()
  await send([create('a', { password: 'geheim' })])
  await send([create('b')])
  await send([{ command: 'setClientPassword', username: 'a', password: 'geheim2' }])
  await send([{ command: 'setClientId', username: 'a' }, { command: 'getDetails' }])
  await send([create('x | y\u202e')])
  assert.deepEqual(lines, [
    'information: dynsec: c/root | createClient | username=a | password=*****',
    'information: dynsec: c/root | createClient | username=b | password=no password',
    'information: dynsec: c/root | setClientPassword | username=a | password=******',
    'information: dynsec: c/root | setClientId | username=a | clientid=(null)',
    'information: dynsec: c/root | getDetails',
    'information: dynsec: c/root | createClient | username=x | y\\u{202e} | password=no password',
  ])
})

test('a password is kept as a hash that it fits, and one that is empty as none', async () => {
  const { security, send } = start()
  await send([create('a', { password: 'secret' }), create('b', { password: '' })])
  const hash = security.user('a')?.password?.hash
  assert.ok(hash?.kind === 'sha512-pbkdf2' && hash.salt.length === 12, 'what Mosquitto 2.0 can read')
  assert.equal(await verifyPassword(hash, Buffer.from('secret')), true)
  assert.equal(security.user('b')?.password, undefined)
})

test('what is asked of the directory is outdated by each change, and by no question', async () => {
  const { security, send } = start()
  const first = security.version
  await send([{ command: 'getDetails' }])
  assert.equal(security.version, first)
  await send([create('a')])
  assert.notEqual(security.version, first)
  assert.ok(security.rights(holder('a')))
  assert.equal(security.rights(holder('b')), undefined)
  assert.ok(security.rights(holder(undefined)))
})

test('features K4: a role or group that changes concerns whoever was given it, and nobody before anybody was', async () => {
  const roles = [{ rolename: 'r' }, { rolename: 's' }]
  const { security, send } = start({ file: { roles, groups: [{ groupname: 'g', roles: [{ rolename: 's' }] }] } })
  const holders = [holder('a', { roles: ['r', 'new'] }), holder('b', { groups: ['g'] }), holder('c')]
  let seen: string[] = []
  security.host = {
    reassess: change => {
      for (const one of holders) {
        if (change.concerns(one)) seen.push(`${one.username} ${change.disconnects(one) ? 'comes back' : 'stays'}`)
      }
    },
    addresses: () => new Map(),
  }
  const seenBy = async (...commands: object[]) => {
    seen = []
    await send(commands)
    return seen
  }
  const acl = { command: 'addRoleACL', acltype: 'subscribePattern', allow: true }
  assert.deepEqual(await seenBy({ ...acl, rolename: 'r', topic: 't' }), [])
  for (const one of holders) security.rights(one)
  assert.deepEqual(await seenBy({ ...acl, rolename: 'r', topic: 'u' }), ['a comes back'])
  assert.deepEqual(await seenBy({ ...acl, rolename: 's', topic: 't' }), ['b comes back'])
  assert.deepEqual(await seenBy({ command: 'createRole', rolename: 'new' }), ['a stays'])
  assert.deepEqual(await seenBy({ command: 'createRole', rolename: 'other' }), [])
  assert.deepEqual(await seenBy({ command: 'deleteGroup', groupname: 'g' }), ['b comes back'])
  assert.deepEqual(await seenBy({ command: 'createGroup', groupname: 'g' }), ['b stays'])
  assert.deepEqual(await seenBy({ command: 'createClient', username: 'd' }), [])
})

test('features K4: who asks and was given a role that changes is judged again after the answer', async () => {
  const { security, send } = start({ file: { roles: [{ rolename: 'r' }] } })
  const root = holder('root', { roles: ['r'] })
  security.rights(root)
  const judged: boolean[] = []
  security.host = { reassess: change => void judged.push(change.concerns(root)), addresses: () => new Map() }
  const { carryOut } = await send([{ command: 'deleteRole', rolename: 'r' }])
  carryOut()
  assert.deepEqual(judged, [false, true])
})

test('features K4: a role or group that was given and does not exist gives nothing, and is told of once', async () => {
  const { security, lines } = start({ file: { roles: [{ rolename: 'r' }] } })
  assert.equal(security.rights(holder('a', { roles: ['x\u202e'], groups: ['y'] })), undefined)
  assert.equal(security.rights(holder('b', { roles: ['x\u202e'] })), undefined)
  assert.ok(security.rights(holder('a', { roles: ['x\u202e', 'r'] })))
  assert.deepEqual(lines, [
    'notice: Dynamic security: role "x\\u{202e}", which somebody was given, does not exist and gives nothing.',
    'notice: Dynamic security: group "y", which somebody was given, does not exist and gives nothing.',
  ])
})

test('features B11: an unknown user costs as much to refuse as the users there are', () => {
  const salt = Buffer.alloc(12).toString('base64')
  const password = Buffer.alloc(64).toString('base64')
  const { security } = start({ file: { clients: [{ username: 'a', password, salt, iterations: 321 }] } })
  assert.ok(security.decoy.kind === 'sha512-pbkdf2')
  assert.equal(security.decoy.iterations, 321)
  const { decoy } = start().security
  assert.ok(decoy.kind === 'sha512-pbkdf2' && decoy.iterations > 100_000, 'as dear as a new password')
})

test('of two messages with many passwords each has some of them carried out by turns, and nobody waits for all', async () => {
  const { send } = start()
  const ended: string[] = []
  const many = Array.from({ length: 9 }, (_, i) => create(`m${i}`, { password: 'p' }))
  await Promise.all([
    send(many).then(() => ended.push('many')),
    send([create('a', { password: 'p' })]).then(() => ended.push('one')),
    send([{ command: 'getDetails' }]).then(() => ended.push('question')),
  ])
  assert.deepEqual(ended, ['one', 'question', 'many'])
})

test('a message with many commands is answered as a whole, and other work is done between its parts', async () => {
  const { security, send } = start()
  let isEnded = false
  let turns = 0
  const turn = () => {
    if (isEnded) return
    turns++
    setImmediate(turn)
  }
  turn()
  const { text } = await send(Array.from({ length: 2000 }, (_, i) => create(`u${i}`)))
  isEnded = true
  assert.equal(JSON.parse(text).responses.length, 2000)
  assert.equal(security.state.clients.size, 2000)
  assert.ok(turns > 8, `only ${turns}`)
})

test('whoever loses the right between two parts of a message has nothing more done, and what was done stays', async () => {
  const { security } = start()
  const commands = Array.from({ length: 600 }, (_, i) => create(`u${i}`))
  const payload = Buffer.from(JSON.stringify({ commands }))
  const request = { payload, clientId: 'c', username: 'root', isPermitted: () => security.user('u0') === undefined }
  await assert.rejects(security.handle(request), { code: 'ERR_DYNSEC_RIGHT_LOST' })
  const { size } = security.state.clients
  assert.ok(size > 0 && size < 600, String(size))
  assert.equal(security.state.changeIndex, size)
})

test('dynsec 2: while no change can be kept any more, changes are refused and questions answered, and then both are done again', async () => {
  let isFull = true
  const { security, send } = start({ isFull: () => isFull })
  const commands = [create('a'), { command: 'listClients' }, { command: 'deleteClient', username: 'x' }]
  const { responses } = JSON.parse((await send(commands)).text)
  const full = 'Too many changes wait for the disk'
  assert.deepEqual(
    responses.map(({ error }: { error?: string }) => error),
    [full, undefined, full],
  )
  assert.deepEqual([security.user('a'), security.state.changeIndex], [undefined, 0])
  isFull = false
  assert.doesNotMatch((await send([create('a')])).text, /error/)
  assert.ok(security.user('a'))
})
