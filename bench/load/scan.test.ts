// The framer, on bytes by hand: whole, torn, and no MQTT at all.

import assert from 'node:assert/strict'
import test from 'node:test'
import { notMqtt, scanPackets } from './scan.ts'

const pingresp = 'd0 00'
const puback = '40 02 00 07'
const publish = '30 05 00 01 61 78 79'

function scan(hex: string, from = 0): { readonly packets: readonly string[]; readonly end: number } {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const packets: string[] = []
  const end = scanPackets(bytes, from, bytes.length, {
    packet: (first, all, at, until) =>
      packets.push(`${first.toString(16)}:${Buffer.from(all).toString('hex', at, until)}`),
  })
  return { packets, end }
}

test('each packet is handed on with its first byte and its body', () => {
  assert.deepEqual(scan(`${pingresp} ${puback} ${publish}`), { packets: ['d0:', '40:0007', '30:0001617879'], end: 13 })
})

test('scanning begins where it is told to', () => {
  assert.deepEqual(scan(`ff ff ff ${puback}`, 3), { packets: ['40:0007'], end: 7 })
})

test('a packet torn anywhere stays whole for the next read', () => {
  const whole = `${puback} ${publish}`.replaceAll(' ', '')
  for (let bytes = 4; bytes < whole.length / 2; bytes += 1) {
    assert.deepEqual(scan(whole.slice(0, 2 * bytes)), { packets: ['40:0007'], end: 4 })
  }
})

test('[MQTT-1.5.5-1] a length takes one to four bytes', () => {
  for (const [length, bytes] of [
    ['7f', 127],
    ['80 01', 128],
    ['ff 7f', 16_383],
    ['80 80 01', 16_384],
    ['80 80 80 01', 2_097_152],
  ] as const) {
    const { packets, end } = scan(`30 ${length} ${'00'.repeat(bytes)}`)
    assert.equal(packets[0]?.length, 3 + 2 * bytes)
    assert.equal(end, 1 + length.split(' ').length + bytes)
    assert.equal(scan(`30 ${length} ${'00'.repeat(bytes - 1)}`).end, 0)
  }
})

test('[MQTT-1.5.5] a length with a fifth byte is not MQTT; a torn one may still become it', () => {
  assert.equal(scan(`${puback} 30 80 80 80 80`).end, notMqtt)
  assert.equal(scan(`${puback} 30 80 80 80`).end, 4)
})
