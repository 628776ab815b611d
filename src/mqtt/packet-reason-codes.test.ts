import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolViolationError } from './errors.ts'
import { PacketType } from './packet.ts'
import { checkReasonCode, reasonCodesOf } from './packet-reason-codes.ts'
import { ReasonCode } from './reason-code.ts'

test('§2.4: each reason code belongs to at least one packet, and a packet has only codes that exist', () => {
  const used = new Set(Object.values(PacketType).flatMap(type => reasonCodesOf(type)))
  assert.deepEqual(used, new Set<number>(Object.values(ReasonCode)))
})

test('§2.4: a reason code passes where the table has it and is a protocol error elsewhere', () => {
  for (const type of Object.values(PacketType)) {
    const legal = new Set(reasonCodesOf(type))
    for (let code = 0; code < 256; code++) {
      if (legal.has(code)) assert.equal(checkReasonCode(type, code), code)
      else assert.throws(() => checkReasonCode(type, code), ProtocolViolationError)
    }
  }
})
