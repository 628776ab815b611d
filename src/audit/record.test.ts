import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { type ChainEnd, followsFrom, genesis, presentEvent, readRecord, seal } from './record.ts'

const start: ChainEnd = { seq: 0, hash: genesis }
const event = {
  kind: 'login',
  outcome: 'done',
  who: { username: 'alice', clientid: 'c\u202e', certificate: undefined },
  from: { address: '192.0.2.1', port: 1, listener: '8883' },
} as const
const first = seal(presentEvent(event, Date.UTC(2030, 0, 1)), start)
const second = seal(presentEvent({ kind: 'stop', outcome: 'done' }, Date.UTC(2030, 0, 2)), first.end)

const bytesOf = (line: string) => Buffer.from(line.trimEnd())

test('audit: a record says number, time, who, from where, what, and the hash before it; its own is SHA-256 over all that', () => {
  const record = readRecord(bytesOf(first.line))
  assert.ok(typeof record !== 'string')
  const { hash, ...content } = record
  assert.deepEqual(content, {
    seq: 1,
    time: '2030-01-01T00:00:00.000Z',
    kind: 'login',
    outcome: 'done',
    who: { username: 'alice', clientid: 'c\u202e' },
    from: { address: '192.0.2.1', port: 1, listener: '8883' },
    prev: genesis,
  })
  const text = first.line.replace(/,"hash":"[0-9a-f]{64}"\}\n$/, '}')
  assert.equal(hash, createHash('sha256').update(text).digest('hex'))
  assert.deepEqual(first.end, { seq: 1, hash })
})

test('audit: a record follows from the one before it, and from no other', () => {
  const [one, other] = [first, second].map(({ line }) => readRecord(bytesOf(line)))
  assert.ok(typeof one !== 'string' && typeof other !== 'string' && one !== undefined && other !== undefined)
  assert.equal(followsFrom(one, start), undefined)
  assert.equal(followsFrom(other, first.end), undefined)
  assert.match(followsFrom(other, start) ?? '', /has the number 2, and 1 is next/)
  assert.match(followsFrom(other, { seq: 1, hash: genesis }) ?? '', /does not carry the hash/)
})

test('audit: no byte of a line can be another one', () => {
  const line = bytesOf(first.line)
  for (let at = 0; at < line.length; at++) {
    for (const bit of [1, 32, 128]) {
      const changed = Buffer.from(line)
      changed[at] = (changed[at] as number) ^ bit
      assert.equal(typeof readRecord(changed), 'string', `byte ${at}`)
    }
  }
  assert.equal(typeof readRecord(line.subarray(1)), 'string')
  assert.equal(typeof readRecord(Buffer.alloc(0)), 'string')
  assert.equal(typeof readRecord(Buffer.concat([line, Buffer.from(' ')])), 'string')
})

test('audit: a line that carries its own hash and has another form is no record', () => {
  const member = ['"seq":1', '"time":"t"', '"kind":"k"', '"outcome":"done"', '"prev":"p"']
  const record = (...members: readonly string[]) => {
    const content = `{${members.join(',')}}`
    const hash = createHash('sha256').update(content).digest('hex')
    return readRecord(Buffer.from(`${content.slice(0, -1)},"hash":"${hash}"}`))
  }
  assert.equal(typeof record(...member), 'object')
  const others = ['"seq":"\\u001b[2J"', '"seq":1.5', '"time":1', '"kind":null', '"outcome":[]', '"prev":{}']
  const parts = ['"who":null', '"from":"x"', '"what":[]', '"before":1', '"after":true']
  for (const other of [...others, ...parts]) {
    assert.equal(record(...member, other), 'it has the form of no record of an audit', other)
  }
})
