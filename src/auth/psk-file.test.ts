import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadPskFile, parsePskFile } from './psk-file.ts'

const hex = (text: string, identity: string) => {
  const key = parsePskFile(Buffer.from(text), 'keys').get(identity)?.key
  return key && Buffer.from(key).toString('hex')
}

test('psk_file: a line is an identity and a key; comments, lines without a colon and blanks around do not count', () => {
  const text = '# one:00\n\nno colon\n device 7 :\tDEADbeef \r\nother:0102:rest\n'
  const keys = parsePskFile(Buffer.from(text), 'keys')
  assert.deepEqual([...keys.keys()], ['device 7', 'other'])
  assert.equal(hex(text, 'device 7'), 'deadbeef')
  assert.equal(hex(text, 'other'), '0102')
})

test('psk_file: zero bytes at the beginning of a key count; an odd number of digits is read as Mosquitto and its clients do', () => {
  assert.equal(hex('a:0000ff', 'a'), '0000ff')
  assert.equal(hex('a:abc', 'a'), '0abc')
  assert.equal(hex('a:00abc', 'a'), '000abc')
})

test('psk_file: another key or identity has another fingerprint', () => {
  const fingerprints = ['a:01', 'a:02', 'b:01'].map(
    line => [...parsePskFile(Buffer.from(line), 'keys').values()][0]?.fingerprint,
  )
  assert.equal(new Set(fingerprints).size, 3)
})

const refused: readonly (readonly [what: string, text: string, message: string, line: number | undefined])[] = [
  ['no key', 'ok:01\na:', 'Error: Empty psk for identity "a".', 2],
  ['a key that is no hex', 'a:12g4', 'Error: psk for identity "a" contains non-hexadecimal characters.', 1],
  ['a key that is too long', `a:${'ff'.repeat(257)}`, 'Error: psk for identity "a" is too long.', 1],
  ['no identity', ' :01', 'Error: Unable to decode line in psk_file "keys".', 1],
  ['an identity that is too long', `${'a'.repeat(257)}:01`, 'Error: Unable to decode line in psk_file "keys".', 1],
  ['an identity twice', 'a:01\na:02', 'Error: Unable to decode line in psk_file "keys".', 2],
  ['what is no UTF-8', 'a\xff:01', 'Error: Unable to decode line in psk_file "keys".', undefined],
]

for (const [what, text, message, line] of refused) {
  test(`psk_file: ${what} is refused, with the line`, () => {
    assert.throws(() => parsePskFile(Buffer.from(text, 'latin1'), 'keys'), { message, line })
  })
}

test('psk_file: no refusal shows a key', () => {
  assert.throws(
    () => parsePskFile(Buffer.from('a:secretkey'), 'keys'),
    error => error instanceof Error && !/secretkey/.test(`${error.message} ${(error as { hint?: string }).hint}`),
  )
})

test('psk_file: short keys, keys of two, and a file that others can read are warned about; a link is refused', t => {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-psk-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'keys')
  const good = 'c3'.repeat(16)
  writeFileSync(path, `a:${good}\nb:${good}\nc:0102\n`, { mode: 0o600 })
  const { warnings } = loadPskFile(path)
  assert.deepEqual(warnings, [
    `Warning: 'b' and 'a' in psk_file '${path}' have the same key, and can pass for each other.`,
    `Warning: The key of 'c' in psk_file '${path}' has 2 bytes; one below 16 can be guessed.`,
  ])
  chmodSync(path, 0o644)
  assert.match(loadPskFile(path).warnings[0] ?? '', /world readable permissions/)
  symlinkSync(path, join(dir, 'link'))
  const message = `Error opening psk file "${join(dir, 'link')}".`
  assert.throws(() => loadPskFile(join(dir, 'link'), {}), { message })
  assert.throws(() => loadPskFile(join(dir, 'none'), {}), { code: 'ERR_AUTH_PSK_FILE' })
})
