import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allowance, mostPerAddress, windowMs } from './allowance.ts'
import type { AuditEvent, AuditKind } from './event.ts'

function bounded() {
  const told: AuditEvent[] = []
  const allowance = new Allowance(event => told.push(event))
  allowance.advance(0)
  const tell = (kind: AuditKind, address: string, times: number, perSecond = 1000) => {
    const from = { address, port: 1, listener: '1883' }
    let one = 0
    for (let i = 0; i < times; i++) if (allowance.admits({ kind, outcome: 'refused', from }, perSecond)) one++
    return one
  }
  return { allowance, told, tell }
}

test('audit: of a flood of refusals from one address the first are told, the others as one number with the address', () => {
  const { allowance, told, tell } = bounded()
  assert.equal(tell('refusal', '192.0.2.1', 5000), mostPerAddress)
  assert.equal(tell('refusal', '192.0.2.2', 3), 3, 'nobody else is kept from being told')
  allowance.advance(windowMs - 1)
  assert.deepEqual(told, [])
  allowance.advance(windowMs)
  assert.deepEqual(told, [
    { kind: 'refusal', outcome: 'refused', what: { more: 5000 - mostPerAddress, address: '192.0.2.1' } },
  ])
  assert.equal(tell('refusal', '192.0.2.1', 1), 1, 'a new time begins')
  allowance.advance(2 * windowMs)
  assert.equal(told.length, 1)
})

test('audit: refusals from a hundred thousand addresses are bounded, in lines and in memory', () => {
  const { allowance, told, tell } = bounded()
  let one = 0
  for (let i = 0; i < 100_000; i++) one += tell('refusal', `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1)
  assert.ok(one <= 1000, `${one}`)
  allowance.tellAll()
  const more = told.reduce((sum, { what }) => sum + Number(what?.['more']), 0)
  assert.equal(one + more, 100_000)
  assert.ok(told.length <= 1001)
  assert.equal(told.at(-1)?.what?.['address'], 'several')
})

test('audit_max_rate: logins beyond it are counted, and come back with the time; a number of refused topics counts as many', () => {
  const { allowance, told, tell } = bounded()
  assert.equal(tell('login', '192.0.2.1', 100, 20), 20)
  allowance.advance(1000)
  assert.equal(tell('login', '192.0.2.1', 100, 20), 20)
  allowance.admits({ kind: 'permission', outcome: 'refused', what: { more: 7 } }, 1)
  allowance.tellAll()
  assert.deepEqual(
    told.map(({ kind, what }) => [kind, what?.['more']]),
    [
      ['login', 160],
      ['permission', 7],
    ],
  )
})

test('audit: what administrators do is never only counted', () => {
  const { tell } = bounded()
  for (const kind of ['command', 'disconnect', 'revocation', 'reload', 'start', 'audit'] as const) {
    assert.equal(tell(kind, '192.0.2.1', 5000, 1), 5000)
  }
})
