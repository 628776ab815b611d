// Dynamic security by itself, without a broker or a disk: commands in, responses and whom they concern out.

import type { RightsHolder } from '../../src/auth/user-directory.ts'
import { silentLog } from '../../src/base/log.ts'
import type { LoggedCommand } from '../../src/dynsec/change-record.ts'
import { DynamicSecurity } from '../../src/dynsec/dynamic-security.ts'
import { fileText } from '../../src/dynsec/file-text.ts'
import { readState } from '../../src/dynsec/read-file.ts'

/** Clients `u` with a role and a group, `v` with a client id and `w`, disabled; groups `g` and `h`, the anonymous one; roles `r` and `s`. */
const initial = {
  defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
  clients: [
    { username: 'u', textname: 'n', roles: [{ rolename: 'r' }] },
    { username: 'v', clientid: 'c' },
    { username: 'w', disabled: true },
  ],
  groups: [{ groupname: 'g', roles: [{ rolename: 'r' }], clients: [{ username: 'u' }] }, { groupname: 'h' }],
  anonymousGroup: 'h',
  roles: [
    { rolename: 'r', acls: [{ acltype: 'publishClientSend', topic: 't', allow: true }] },
    { rolename: 's', textname: 'n', allowwildcardsubs: false },
  ],
}

/**
 * By default with {@link initial}.
 *
 * @param log is given what would be logged
 */
export function startSecurity(file: unknown = initial, log: (commands: readonly LoggedCommand[]) => void = () => {}) {
  const { state } = readState(Buffer.from(JSON.stringify(file)), 'f')
  const changed: { names: (string | undefined)[]; disconnected: (string | undefined)[] }[] = []
  const security = new DynamicSecurity({
    state,
    keeper: { save: async commands => log(commands), fold: async () => {}, isFull: false },
    log: silentLog,
    disconnects: () => true,
  })
  const everybody = [...state.clients.values().map(({ name }) => name), undefined]
  security.host = {
    reassess: change => {
      const names = everybody.filter(name => change.concerns(holder(name)))
      // Of whoever asks, who is nobody here, there is nothing to tell.
      if (names.length > 0)
        changed.push({ names, disconnected: everybody.filter(name => change.disconnects(holder(name))) })
    },
    addresses: () => new Map([['u', ['192.0.2.1', '192.0.2.2']]]),
  }
  /** @returns the responses */
  const send = async (payload: string) => {
    const bytes = Buffer.from(payload)
    const answer = await security.handle({
      payload: bytes,
      clientId: 'admin',
      username: 'root',
      isPermitted: () => true,
    })
    answer.carryOut()
    return JSON.parse(Buffer.from(answer.payload).toString()).responses
  }
  const ask = async (command: string, given: object = {}) =>
    (await send(JSON.stringify({ commands: [{ command, ...given }] })))[0]
  return { security, changed, send, ask, text: () => [...fileText(security.state)].join('') }
}

function holder(name: string | undefined): RightsHolder {
  return { username: name, roles: [], groups: [] }
}
