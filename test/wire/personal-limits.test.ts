// `role_limit` over the real program: what a role of dynamic security is limited to, as roles come and go.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Administrator, initialFile, pluginLines } from '../support/administrator.ts'
import { runBroker } from '../support/broker-process.ts'
import { connectBytes, subscribeBytes } from '../support/packet-bytes.ts'
import type { RawClient } from '../support/raw-client.ts'
import { dial, join, startWireBroker } from '../support/wire-broker.ts'

const quotaExceeded = 0x97

async function subscribed(client: RawClient, filter: string): Promise<number | undefined> {
  client.send(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter, qos: 1 }] }))
  return (await client.expectSuback()).reasonCodes[0]
}

test('role_limit: it holds for whoever has the role, by a group too, and changes with the roles of who is connected', async t => {
  const limits = `${pluginLines}
disconnect_on_role_change false
role_limit sensor max_subscriptions_per_client 1
role_limit sensor max_sessions_per_user 1
role_limit gateway max_subscriptions_per_client 2
`
  const broker = await startWireBroker(t, limits, { 'dynamic-security.json': initialFile })
  const admin = await Administrator.join(t, broker)
  const acls = [{ acltype: 'subscribePattern', topic: '#', allow: true }]
  const groupname = 'sensors'
  await admin.do({ command: 'createRole', rolename: 'sensor', acls })
  await admin.do({ command: 'createRole', rolename: 'gateway', acls })
  await admin.do({ command: 'createGroup', groupname, roles: [{ rolename: 'sensor' }] })
  await admin.do({ command: 'createClient', username: 'u', password: 'u', groups: [{ groupname }] })

  const login = { username: 'u', password: 'u' }
  const client = await join(t, broker, login)
  assert.deepEqual([await subscribed(client, 'a'), await subscribed(client, 'b')], [1, quotaExceeded])
  const second = await dial(t, broker)
  second.send(connectBytes({ clientId: 'second', ...login }))
  assert.equal((await second.expectConnack()).reasonCode, quotaExceeded)

  // The client's own roles are asked before those of its groups.
  await admin.do({ command: 'addClientRole', username: 'u', rolename: 'gateway' })
  assert.deepEqual([await subscribed(client, 'b'), await subscribed(client, 'c')], [1, quotaExceeded])
  await admin.do({ command: 'removeGroupClient', groupname, username: 'u' })
  await join(t, broker, { clientId: 'second', ...login })
})

test('role_limit: without dynamic security, or with a limit that there is not, the broker does not start', async t => {
  for (const [lines, message] of [
    ['role_limit sensor max_publish_rate 5', /Error: role_limit needs the plugin of dynamic security/],
    [
      'client_limit u max_publish_rat 5',
      /'client_limit' knows no limit 'max_publish_rat'\. Did you mean 'max_publish_rate'\?/,
    ],
  ] as const) {
    const config = ({ port }: { readonly port: number }) =>
      `listener ${port} 127.0.0.1\nallow_anonymous true\n${lines}\n`
    const program = await runBroker(t, 'castellan', { config })
    assert.notEqual(program.ended?.code, 0)
    assert.match(program.lines.join('\n'), message)
  }
})
