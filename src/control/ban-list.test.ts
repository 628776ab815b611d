import assert from 'node:assert/strict'
import test from 'node:test'
import { BanList, banKinds, describeBan, readBan, readBanned } from './ban-list.ts'

const now = Date.parse('2030-01-01T00:00:00Z')
const nobody = { clientId: undefined, username: undefined, address: '' }

function listOf(...bans: readonly Readonly<Record<string, string>>[]): BanList {
  const list = new BanList()
  for (const ban of bans) list.add(readBan(ban))
  return list
}

test('a ban keeps out whoever has the client id, the name or the address, and nobody else', () => {
  const list = listOf({ clientid: 'c' }, { username: 'u' }, { address: '192.0.2.7' })
  const who = { clientId: 'x', username: 'x', address: '192.0.2.8' }
  assert.equal(list.find(who, now), undefined)
  assert.equal(list.find({ ...who, clientId: 'c' }, now)?.kind, 'clientid')
  assert.equal(list.find({ ...who, username: 'u' }, now)?.kind, 'username')
  assert.equal(list.find({ ...who, address: '192.0.2.7' }, now)?.kind, 'address')
  // The name of one is the client id of another.
  assert.equal(list.find({ ...who, clientId: 'u', username: 'c' }, now), undefined)
  assert.equal(list.find(nobody, now), undefined)
})

test('an address counts in each of its forms, and an IPv6 address with its /64', () => {
  const list = listOf({ address: '::ffff:192.0.2.7' }, { address: '::ffff:c000:208' }, { address: '2001:db8::1' })
  for (const address of ['192.0.2.7', '192.0.2.8', '2001:DB8:0:0::2', '2001:db8::ffff:1']) {
    assert.ok(list.find({ ...nobody, address }, now), address)
  }
  for (const address of ['2001:db8:0:1::1', '::1', '192.0.2.9']) {
    assert.equal(list.find({ ...nobody, address }, now), undefined, address)
  }
  assert.equal(list.remove(readBanned({ address: '2001:db8::9' })), true)
  assert.equal(list.find({ ...nobody, address: '2001:db8::1' }, now), undefined)
})

test('a ban ends at its time, and is forgotten then', () => {
  const list = listOf({ clientid: 'c', until: '2030-01-01T00:00:01Z' }, { clientid: 'd' })
  const who = { ...nobody, clientId: 'c' }
  assert.ok(list.find(who, now + 999))
  assert.equal(list.find(who, now + 1000), undefined)
  assert.equal(list.all(now).length, 2)
  assert.deepEqual(list.all(now + 1000).map(describeBan), [{ clientid: 'd', until: undefined, reason: undefined }])
})

test('what is described is read again as it was', () => {
  for (const kind of banKinds) {
    const ban = { kind, value: '192.0.2.7', until: now, reason: 'because' }
    assert.deepEqual(readBan(describeBan(ban)), ban)
    assert.deepEqual(readBan(describeBan({ ...ban, until: undefined })), { ...ban, until: undefined })
  }
})

test('a ban of nobody, of two, of no address, until no time or for no text is refused', () => {
  const one = 'Invalid/missing clientid, username or address'
  for (const [given, message] of [
    [{}, one],
    [{ clientid: '' }, one],
    [{ clientid: 1 }, one],
    [{ clientid: 'a', username: 'b' }, one],
    [{ username: 'a\u0000' }, one],
    [{ address: 'example.org' }, 'Invalid address'],
    [{ address: '192.0.2.0/24' }, 'Invalid address'],
    [{ clientid: 'c', until: 'tomorrow' }, 'Invalid until'],
    [{ clientid: 'c', until: '2030-01-01T00:00:00' }, 'Invalid until'],
    [{ clientid: 'c', until: 5 }, 'Invalid until'],
    [{ clientid: 'c', reason: 5 }, 'Invalid reason'],
    [{ clientid: 'c', reason: 'a'.repeat(257) }, 'Invalid reason'],
  ] as const) {
    assert.throws(() => readBan(given), { message })
  }
})
