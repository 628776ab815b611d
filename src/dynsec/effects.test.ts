import assert from 'node:assert/strict'
import test from 'node:test'
import { Effects } from './effects.ts'
import { Client, Group, Role } from './model.ts'
import { SecurityState } from './state.ts'

/** So many that they are kept together, and so few that they are kept by name. */
const sizes = [4000, 4]

function held(size: number) {
  const state = new SecurityState()
  const [role, group] = [new Role('r'), new Group('g')]
  state.roles.add(role)
  state.groups.add(group)
  for (let i = 0; i < size; i++) {
    const client = new Client(`u${i}`)
    state.clients.add(client)
    if (i % 2 === 0) state.giveRole(client, role, 0)
    else state.addMember(group, client, 0)
  }
  return { state, role, group }
}

const holder = (username: string | undefined) => ({ username, roles: [], groups: [] })

for (const size of sizes) {
  test(`dynsec 5: a role of ${size / 2} clients that is deleted concerns those that had it, and nobody else`, () => {
    const { state, role } = held(size)
    const effects = new Effects()
    assert.equal(effects.isEmpty, true)
    effects.disconnectHolders(role, state)
    state.deleteRole(role)
    assert.equal(effects.isEmpty, false)
    const judged = ['u0', 'u1', 'u2', 'nobody', undefined].map(name => [
      effects.concerns(holder(name)),
      effects.disconnects(holder(name)),
    ])
    assert.deepEqual(judged, [
      [true, true],
      [false, false],
      [true, true],
      [false, false],
      [false, false],
    ])
    assert.equal(state.clients.get('u0')?.roles.size, 0)
    assert.equal(state.roles.size, 0)
  })

  test(`dynsec 5: a group of ${size / 2} that is deleted, or gets a role, concerns its members, also one that is deleted next`, () => {
    const { state, role, group } = held(size)
    const effects = new Effects()
    state.giveRole(group, role, 0)
    effects.disconnectHolders(role, state)
    const client = state.clients.get('u1') as Client
    effects.end(client)
    state.deleteClient(client)
    state.deleteGroup(group)
    assert.deepEqual(
      ['u0', 'u1', 'nobody'].map(name => effects.disconnects(holder(name))),
      [true, true, false],
    )
    assert.equal(effects.ends('u1'), true)
    assert.equal(effects.concernsName('nobody'), false)
    assert.deepEqual(
      state.clients.values().filter(({ groups }) => groups.size > 0),
      [],
    )
  })
}
