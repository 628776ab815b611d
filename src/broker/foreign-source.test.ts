import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, type EngineOptions } from '../../test/support/engine.ts'
import { passwordLines } from '../../test/support/password-lines.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { recordForeign } from './foreign-source.ts'
import { restoreSource } from './source-record.ts'

const passwords = parsePasswordFile(passwordLines({ bob: 'x' }), 'passwords')
const at = (port: number, realm: EngineOptions['realm'] = {}) => new Engine({ listener: { port }, realm }).listener

const open = at(1883)
const mixed = at(1884, { passwords, allowAnonymous: true })
const closed = at(1885, { passwords, allowAnonymous: false })
const certified = at(1886, { certificateIdentity: 'common-name', allowAnonymous: false })

const named = { username: 'bob' }
const stranger = { username: 'mallory' }
const nameless = { username: undefined }

/** Whose it is, in words. */
function owner(user: Parameters<typeof recordForeign>[0], port: number, ...listeners: readonly (typeof open)[]) {
  return restoreSource(recordForeign(user, port), 'c', listeners)?.principal.owner
}

test('decision 7: what another broker kept for a name is whose who proves that name', () => {
  assert.equal(owner(named, 1884, mixed), 'user:bob')
  assert.equal(owner(named, 1885, closed), 'user:bob')
  assert.equal(owner(named, 1886, certified), 'user:bob')
  assert.equal(owner(stranger, 1884, mixed), undefined)
})

test('decision 7: where no name is proven, a name is only a word', () => {
  assert.equal(owner(named, 1883, open), 'anonymous')
})

test('decision 7: a name is not lost to the anonymous of another listener, whether the port is known or not', () => {
  for (const port of [0, 1884, 9999]) {
    assert.equal(owner(named, port, open, mixed), 'user:bob', `${port}`)
    assert.equal(owner(stranger, port, open, mixed), undefined, `${port}`)
  }
  // On a port where names are words, it was one.
  assert.equal(owner(named, 1883, open, mixed), 'anonymous')
})

test('decision 7: what an anonymous client left is for the anonymous, where there are any', () => {
  assert.equal(owner(nameless, 1883, open), 'anonymous')
  assert.equal(owner(nameless, 1884, closed, mixed), 'anonymous')
  assert.equal(owner(nameless, 1885, closed), undefined)
  assert.equal(owner(nameless, 1886, certified), undefined)
})

test('decision 7: where the file does not tell, it is for the anonymous where nobody is anything else, or for nobody', () => {
  assert.equal(owner(undefined, 0, open), 'anonymous')
  assert.equal(owner(undefined, 0, open, mixed), undefined)
  assert.equal(owner(undefined, 0, certified), undefined)
})

test('the rules of the listener hold for it at once: who is still in the password file is admitted', () => {
  const access = restoreSource(recordForeign(named, 1884), 'c', [mixed])?.access
  assert.equal(access?.standing, 'admitted')
  assert.equal(access?.mayPublish('t'), true)
})

test('what is no such record is nobody’s', () => {
  for (const text of ['\n', '\nx', '\n{}', '\n[]', '\n["1883"]', '\n[1883,7]']) {
    assert.equal(restoreSource(Buffer.from(text), 'c', [open]), undefined, text)
  }
})
