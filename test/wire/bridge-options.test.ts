// What single options of a bridge do, seen from the other broker, which here is written by hand, or from the rules of its own.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import test, { type TestContext } from 'node:test'
import { throwawayPki } from '../support/authority.ts'
import { showHex } from '../support/bytes.ts'
import { append, splitPacket } from '../support/packet-reader.ts'
import { passwordLines } from '../support/password-lines.ts'
import { property } from '../support/property-bytes.ts'
import { join, publish, startWireBroker, subscribe, type WireBroker } from '../support/wire-broker.ts'

interface Other {
  readonly port: number
  /** The body of the first packet of whoever comes. */
  connect(): Promise<Buffer>
}

/** A broker that never answers. */
async function startOther(t: TestContext): Promise<Other> {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async connect() {
      const [socket] = await once(server, 'connection')
      t.after(() => socket.destroy())
      let left: Uint8Array = new Uint8Array()
      for await (const bytes of socket) {
        left = append(left, bytes as Buffer)
        const whole = splitPacket(left)
        if (whole === undefined) continue
        assert.equal(whole.packet.name, 'CONNECT')
        return Buffer.from(whole.packet.body)
      }
      throw new Error('the bridge has left')
    },
  }
}

async function connectOf(t: TestContext, lines: string): Promise<Buffer> {
  const other = await startOther(t)
  const first = other.connect()
  await startWireBroker(t, bridge(other.port, lines))
  return await first
}

function bridge(port: number, lines: string): string {
  return `allow_anonymous true\nconnection b\naddress 127.0.0.1:${port}\ntopic shared/# both 1\ntry_private false\n${lines}`
}

/** A text as CONNECT has it, behind its length. */
function field(text: string): Buffer {
  return Buffer.concat([Buffer.of(0, Buffer.byteLength(text)), Buffer.from(text)])
}

test('mosquitto-conf 5 remote_clientid, remote_username, remote_password: what CONNECT says', async t => {
  const body = await connectOf(t, 'remote_clientid from-here\nremote_username user\nremote_password secret')
  const [id, user, password] = ['from-here', 'user', 'secret'].map(text => body.indexOf(field(text)))
  assert.ok(id! > 0 && user! > id! && password! > user!, showHex(body))
  assert.equal(body[7]! & 0xc0, 0xc0, 'the flags of both')
  const bare = await connectOf(t, 'remote_clientid from-here')
  assert.equal(bare[7]! & 0xc0, 0)
})

test('mosquitto-conf 5 notification_topic: where the other broker is to say that the bridge has gone', async t => {
  const body = await connectOf(t, 'notification_topic bridges/b')
  assert.ok(body.includes(field('bridges/b')), showHex(body))
  const usual = await connectOf(t, 'remote_clientid from-here')
  assert.ok(usual.includes(field('$SYS/broker/connection/from-here/state')), showHex(usual))
})

test('mosquitto-conf 5 bridge_receive_maximum, bridge_max_topic_alias: what the other broker is told by MQTT 5', async t => {
  const lines = 'bridge_protocol_version mqttv50\nbridge_receive_maximum 7\nbridge_max_topic_alias 3'
  const body = await connectOf(t, lines)
  assert.ok(body.includes(Buffer.from(property.receiveMaximum(7))), showHex(body))
  assert.ok(body.includes(Buffer.from(property.topicAliasMaximum(3))), showHex(body))
})

test('mosquitto-conf 5 local_username, local_clientid: on its own broker the rules of that user count', async t => {
  const far = await startWireBroker(t, 'allow_anonymous true')
  const files = {
    pw: passwordLines({ user: 'secret', bridge: 'secret' }),
    acl: 'user user\ntopic readwrite #\nuser bridge\ntopic read shared/open\n',
  }
  const own = bridge(far.port, 'local_username bridge\nlocal_clientid near-end')
  const near = await startWireBroker(t, `password_file pw\nacl_file acl\n${own}`, files)
  const reader = await join(t, far)
  await subscribe(reader, 'shared/#')
  await linked(far)
  const writer = await join(t, near, { username: 'user', password: 'secret' })
  await publish(writer, { topic: 'shared/closed', qos: 1, retain: true, payload: 'stays' })
  await publish(writer, { topic: 'shared/open', qos: 1, retain: true, payload: 'goes' })
  const { topic, payload } = await reader.expectPublish()
  assert.deepEqual([topic, payload], ['shared/open', 'goes'])
})

test('mosquitto-conf 5 bridge_capath: a directory of authorities is trusted, too', async t => {
  const { authority, server } = await throwawayPki()
  const directory = mkdtempSync(joinPath(tmpdir(), 'castellan-cas-'))
  t.after(() => rmSync(directory, { recursive: true }))
  symlinkSync(authority.ca.cert, joinPath(directory, 'ca.pem'))
  const far = await startWireBroker(t, `allow_anonymous true\ncertfile ${server.cert}\nkeyfile ${server.key}`)
  await startWireBroker(t, bridge(far.port, `bridge_capath ${directory}`))
  await linked(far)
})

/** Waits until the other broker has let the bridge in. */
async function linked(far: WireBroker): Promise<void> {
  await far.process.waitForLine(/New (client|bridge) connected from .* as \S*(\.b|b\.)\S* /)
}
