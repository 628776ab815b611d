import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine, lasting } from '../../test/support/engine.ts'
import { pencilEntry, ScramClient } from '../../test/support/scram-client.ts'
import type { Audit, AuditEvent, AuditKind } from '../audit/event.ts'
import { parseAclFile } from '../auth/acl-file.ts'
import { parsePasswordFile } from '../auth/password-file.ts'
import { PacketType } from '../mqtt/packet.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'

interface Heard extends Audit {
  readonly events: AuditEvent[]
  isRefusing: boolean
}

function listen(engine: Engine, exclude: readonly AuditKind[] = []): Heard {
  const events: AuditEvent[] = []
  const heard = {
    events,
    isRefusing: false,
    mostRefusedTopics: 2,
    takes: (kind: AuditKind) => !exclude.includes(kind),
    note(event: AuditEvent) {
      if (this.takes(event.kind)) events.push(event)
    },
    written: () => Promise.resolve(),
  }
  engine.broker.audit = heard
  return heard
}

const acl = parseAclFile('topic readwrite mine/#\ntopic readwrite $CONTROL/#', 'acl').rules

test('audit: a login says whether the session was there, and an administrative end that it was one', () => {
  const engine = new Engine()
  const { events } = listen(engine)
  engine.connect('c', lasting()).disconnect()
  engine.connect('c', lasting())
  for (const connection of engine.broker.connections) connection.end(ReasonCode.administrativeAction, 'why')
  for (const connection of engine.broker.connections) connection.end(ReasonCode.serverShuttingDown)
  assert.deepEqual(
    events.map(({ kind, outcome, what }) => [kind, outcome, what?.['session'] ?? what?.['text']]),
    [
      ['login', 'done', 'new'],
      ['login', 'done', 'resumed'],
      ['disconnect', 'done', 'why'],
    ],
  )
  assert.equal(events[0]?.who?.username, undefined)
  assert.equal(events[0]?.what?.['method'], 'anonymous')
})

test('audit_max_refused_topics: a topic once, so many topics, and the rest as a number when the connection ends', () => {
  const engine = new Engine({ realm: { acl } })
  const { events } = listen(engine, ['login'])
  const client = engine.connect('c')
  for (const topic of ['a', 'a', 'b', 'a', 'c', 'mine/x']) client.publish(topic, 'x')
  assert.deepEqual(
    events.map(({ what }) => what),
    [
      { action: 'publish', topic: 'a' },
      { action: 'publish', topic: 'b' },
    ],
  )
  client.disconnect()
  assert.deepEqual(events[2]?.what, { more: 3 })
  const excluded = listen(engine, ['login', 'permission'])
  const other = engine.connect('d')
  other.publish('a', 'x')
  other.disconnect()
  assert.deepEqual(excluded.events, [])
})

test('audit_failure refuse: nobody is let in, whoever is in goes on, and a command is answered without being carried out', () => {
  const engine = new Engine({ realm: { acl } })
  const client = engine.connect('c')
  const heard = listen(engine)
  heard.isRefusing = true
  let asked = 0
  engine.broker.endpoints.set('$CONTROL/x', {
    handle: () => {
      asked++
      return Promise.resolve({ payload: Buffer.from('done'), carryOut: () => {} })
    },
  })
  const stranger = engine.open()
  stranger.connect('d')
  stranger.expectRefused(ReasonCode.serverUnavailable)
  client.publish('$CONTROL/x', '{}')
  assert.deepEqual(client.payloads(), ['{"error": "the audit cannot be written"}'])
  assert.equal(asked, 0)
  heard.isRefusing = false
  client.publish('$CONTROL/x', '{}')
  assert.equal(asked, 1)
})

test('audit: a client that proves itself anew is told of, and one that cannot', async () => {
  const passwords = parsePasswordFile(pencilEntry, 'f')
  const engine = new Engine({ realm: { allowAnonymous: false, passwords } })
  const { events } = listen(engine)
  const authenticationMethod = 'SCRAM-SHA-256'
  const scram = new ScramClient()
  const client = engine.open()
  const data = (text: string) => ({ authenticationMethod, authenticationData: Buffer.from(text) })
  const next = () => Buffer.from(client.expect(PacketType.auth).properties.authenticationData ?? []).toString()
  const send = (reasonCode: number, text: string) =>
    client.send({ type: PacketType.auth, reasonCode, properties: data(text) })
  client.connect('c', { properties: data(scram.first()) })
  send(0x18, scram.final(next()))
  await client.answered()
  client.expect(PacketType.connack)
  for (const password of ['pencil', 'wrong']) {
    const again = new ScramClient('user', password)
    send(0x19, again.first())
    send(0x18, again.final(next()))
    await client.answered()
    if (password === 'pencil') next()
  }
  assert.deepEqual(
    events.map(({ kind, who, what }) => [kind, who?.username, what?.['re-authentication'] ?? what?.['method']]),
    [
      ['login', 'user', authenticationMethod],
      ['login', 'user', true],
      ['refusal', 'user', true],
    ],
  )
})
