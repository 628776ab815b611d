// Two clients that throw each other off one client id for an hour, each back as soon as it is gone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PacketType } from '../../src/mqtt/packet.ts'
import { Engine, type EngineClient } from '../support/engine.ts'

const stepMs = 1000
const hourMs = 3_600_000
const longestDelayMs = 10_000

test('features H4: of two clients of one id each comes in every ten seconds at most, and nobody else waits', async () => {
  const engine = new Engine()
  const players: (EngineClient | undefined)[] = [undefined, undefined]
  let admissions = 0
  for (let passedMs = 0; passedMs < hourMs; passedMs += stepMs) {
    for (const [index, player] of players.entries()) {
      if (player !== undefined && !player.transport.closed) continue
      player?.vanish()
      const next = engine.open()
      next.connect('shared')
      players[index] = next
    }
    engine.pass(stepMs)
    await nextTurn()
    for (const player of players) {
      for (const packet of player?.received() ?? []) {
        if (packet.type === PacketType.connack && packet.reasonCode === 0) admissions++
      }
    }
    if (passedMs % 60_000 === 0) engine.connect('other').vanish()
  }
  const bound = (players.length * hourMs) / longestDelayMs
  assert.ok(admissions <= bound * 1.1, `${admissions} were let in`)
  // Neither is locked out for it.
  assert.ok(admissions >= bound * 0.5, `${admissions} were let in`)
  assert.equal(engine.broker.registry.get('shared')?.connection !== undefined, true)
  assert.ok(engine.broker.connections.size <= 3)
})
