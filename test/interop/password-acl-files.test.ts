// Password files and ACL files, written once, decide the same in both brokers: each case is a listener of its own with its
// own file, and each decision is measured by publishing and receiving.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { type BrokerKind, both, castellanProgram, startEither } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram } from '../support/line-process.ts'
import { acknowledgementBytes, publishBytes } from '../support/packet-bytes.ts'
import { drain, join as joinBroker, leave, publish, subscribe, unique } from '../support/wire-broker.ts'
import { fileScope, shareBroker } from './shared-broker.ts'

interface Who {
  readonly user?: string
  readonly clientId?: string
}

type Probe = readonly [action: 'read' | 'write', topic: string, allowed: boolean, who?: Who]

interface AclCase {
  readonly sentence: string
  readonly acl: string
  readonly probes: readonly Probe[]
}

const roger: Who = { user: 'roger' }
const ann: Who = { user: 'ann' }

const cases: readonly AclCase[] = [
  {
    sentence: 'features F1: the access word is read, write, readwrite, or both when left out',
    acl: 'topic read r\ntopic write w\ntopic readwrite rw\ntopic both',
    probes: [
      ['read', 'r', true],
      ['write', 'r', false],
      ['read', 'w', false],
      ['write', 'w', true],
      ['read', 'rw', true],
      ['write', 'rw', true],
      ['read', 'both', true],
      ['write', 'both', true],
      ['read', 'other', false],
      ['write', 'other', false],
    ],
  },
  {
    sentence: 'features F1: several blanks separate; a topic may hold blanks',
    acl: 'topic   read   a b\ntopic write c',
    probes: [
      ['read', 'a b', true],
      ['read', 'a', false],
      ['write', 'c', true],
    ],
  },
  {
    sentence: 'features F1: comments and empty lines say nothing',
    acl: '# topic a\n\ntopic b\n\n#topic c',
    probes: [
      ['write', 'a', false],
      ['write', 'b', true],
      ['write', 'c', false],
    ],
  },
  {
    sentence: 'features F1: lines may end as on Windows',
    acl: 'topic read a\r\nuser roger\r\ntopic write b\r',
    probes: [
      ['read', 'a', true],
      ['write', 'b', true, roger],
      ['write', 'b', false],
    ],
  },
  {
    sentence: 'features F1: `pattern read | write` grants nothing under the topic that it seems to name',
    acl: 'pattern read | write user/john/lastlogin\ntopic a',
    probes: [
      ['write', 'user/john/lastlogin', false, { user: 'john' }],
      ['read', 'user/john/lastlogin', false, { user: 'john' }],
      ['write', 'a', true],
    ],
  },
  {
    sentence: 'features F2: lines before the first user are for anonymous clients alone',
    acl: 'topic public/all\nuser roger\ntopic private',
    probes: [
      ['write', 'public/all', true],
      ['read', 'public/all', true],
      ['write', 'public/all', false, roger],
      ['read', 'public/all', false, roger],
      ['write', 'private', true, roger],
    ],
  },
  {
    sentence: 'features F3: lines belong to the user above them',
    acl: 'user roger\ntopic foo/bar\nuser ann\ntopic read foo/#',
    probes: [
      ['write', 'foo/bar', true, roger],
      ['read', 'foo/bar', true, roger],
      ['write', 'foo/bar', false, ann],
      ['read', 'foo/bar', true, ann],
      ['read', 'foo/bar', false],
      ['write', 'foo/bar', false, { user: 'john' }],
    ],
  },
  {
    sentence: 'features F3: a user named again goes on',
    acl: 'user roger\ntopic a\nuser ann\ntopic b\nuser roger\ntopic c',
    probes: [
      ['write', 'a', true, roger],
      ['write', 'c', true, roger],
      ['write', 'b', false, roger],
      ['write', 'c', false, ann],
    ],
  },
  {
    sentence: 'features F3: names are told apart by case, and may hold blanks',
    acl: 'user Roger\ntopic a\nuser ann o\ntopic b',
    probes: [
      ['write', 'a', true, { user: 'Roger' }],
      ['write', 'a', false, roger],
      ['write', 'b', true, { user: 'ann o' }],
      ['write', 'b', false, ann],
    ],
  },
  {
    sentence: 'features F4: %u is the user name, and nobody has one who is anonymous',
    acl: 'pattern users/%u/mytopic\ntopic other',
    probes: [
      ['write', 'users/roger/mytopic', true, roger],
      ['read', 'users/roger/mytopic', true, roger],
      ['write', 'users/ann/mytopic', false, roger],
      ['write', 'users//mytopic', false],
      ['write', 'users/%u/mytopic', false],
      ['write', 'other', true],
    ],
  },
  {
    sentence: 'features F4: %c is the client id',
    acl: 'pattern write sensor/%c/data\npattern read sensor/+/data',
    probes: [
      ['write', 'sensor/c1/data', true, { clientId: 'c1' }],
      ['write', 'sensor/c2/data', false, { clientId: 'c1' }],
      ['read', 'sensor/c2/data', true, { clientId: 'c1' }],
    ],
  },
  {
    sentence: 'features F4: a pattern among the lines of a user is for everybody',
    acl: 'user roger\ntopic a\npattern read b/%c\ntopic c',
    probes: [
      ['read', 'b/c1', true, { clientId: 'c1' }],
      ['read', 'b/c1', true, { clientId: 'c1', user: 'ann' }],
      ['write', 'c', true, roger],
      ['write', 'c', false, ann],
    ],
  },
  {
    sentence: 'features F4: %c and %u in one pattern',
    acl: 'pattern write %u/%c',
    probes: [
      ['write', 'roger/c1', true, { user: 'roger', clientId: 'c1' }],
      ['write', 'roger/c2', false, { user: 'roger', clientId: 'c1' }],
      ['write', 'ann/c1', false, { user: 'roger', clientId: 'c1' }],
    ],
  },
  {
    sentence: 'features F4: a pattern without %c and %u is a rule for everybody',
    acl: 'pattern read news/#',
    probes: [
      ['read', 'news/today', true],
      ['read', 'news/today', true, roger],
      ['write', 'news/today', false, roger],
    ],
  },
  {
    sentence: 'features F5: a client id that is a wildcard gets nothing by patterns',
    acl: 'pattern read sensor/%c/data\ntopic read plain',
    probes: [
      ['read', 'sensor/c2/data', false, { clientId: '+' }],
      ['read', 'sensor/c2/data', false, { clientId: '#' }],
      ['read', 'plain', true, { clientId: '+' }],
    ],
  },
  {
    sentence: 'features F5: a user name that is a wildcard gets nothing by patterns',
    acl: 'pattern users/%u\npattern read news\nuser +\ntopic own',
    probes: [
      ['read', 'users/roger', false, { user: '+' }],
      ['read', 'news', false, { user: '+x' }],
      ['read', 'news', true, roger],
      ['write', 'own', true, { user: '+' }],
    ],
  },
  {
    sentence: 'features F6: deny wins over a grant of the same user, wherever it stands',
    acl: 'user roger\ntopic a/#\ntopic deny a/secret\nuser ann\ntopic deny a/secret\ntopic a/#',
    probes: [
      ['write', 'a/open', true, roger],
      ['write', 'a/secret', false, roger],
      ['read', 'a/secret', false, roger],
      ['write', 'a/secret', false, ann],
      ['write', 'a/open', true, ann],
    ],
  },
  {
    sentence: 'features F6: a pattern can grant what no line of the user grants',
    acl: 'user roger\ntopic a\npattern b/%u',
    probes: [
      ['write', 'a', true, roger],
      ['write', 'b/roger', true, roger],
      ['write', 'b/ann', true, ann],
    ],
  },
  {
    sentence: 'features F6: a denying pattern wins over a granting one',
    acl: 'pattern users/%u/#\npattern deny users/%u/secret',
    probes: [
      ['write', 'users/roger/a', true, roger],
      ['write', 'users/roger/secret', false, roger],
      ['read', 'users/roger/secret', false, roger],
    ],
  },
  {
    sentence: 'features F6: + is one level and # is the rest, the parent included',
    acl: 'topic write a/+/c\ntopic write d/#\ntopic write +/x',
    probes: [
      ['write', 'a/b/c', true],
      ['write', 'a//c', true],
      ['write', 'a/b/b/c', false],
      ['write', 'd', true],
      ['write', 'd/e/f', true],
      ['write', 'dd', false],
      ['write', '/x', true],
      ['write', 'q/x/y', false],
    ],
  },
  {
    sentence: 'features F6: a rule that does not begin with $ never matches a topic that does',
    acl: 'topic #\nuser roger\ntopic $other/#\ntopic +/y',
    probes: [
      ['write', 'anything/at/all', true],
      ['write', '$other/x', false],
      ['write', '$other/x', true, roger],
      ['write', 'z/y', true, roger],
    ],
  },
  {
    sentence: 'features F6: a file without rules denies everything',
    acl: '# nothing\n',
    probes: [
      ['write', 'a', false],
      ['read', 'a', false],
      ['write', 'a', false, roger],
    ],
  },
  {
    sentence: 'features F7: a broad subscription receives what is readable and not what is denied',
    acl: 'topic deny a/secret\ntopic read a/#\ntopic write a/+',
    probes: [
      ['read', 'a/open', true],
      ['read', 'a/secret', false],
      ['write', 'a/secret', false],
    ],
  },
  {
    sentence: 'features F8: the example file',
    acl: 'topic read $SYS/#\n\nuser roger\ntopic foo/bar\n\npattern write $SYS/broker/connection/%c/state',
    probes: [
      ['write', 'foo/bar', true, roger],
      ['write', 'foo/bar', false],
      ['write', '$SYS/broker/connection/c1/state', true, { clientId: 'c1' }],
      ['write', '$SYS/broker/connection/c2/state', false, { clientId: 'c1' }],
    ],
  },
  {
    sentence: 'features F8: no rule makes another $SYS topic writable',
    acl: 'topic readwrite $SYS/#\ntopic readwrite #',
    probes: [
      ['write', '$SYS/broker/version', false],
      ['write', '$SYS/x', false],
      ['write', '$SYS/broker/connection/any/state', true],
      ['write', '$SYS/broker/connection/any/other', false],
    ],
  },
  {
    sentence: 'features F1 to F4: the file of the guide',
    acl: 'topic readwrite public/all\n\nuser demo-client\ntopic readwrite private/mytopic\n\npattern readwrite users/%u/mytopic',
    probes: [
      ['read', 'private/mytopic', true, { user: 'demo-client' }],
      ['read', 'users/demo-client/mytopic', true, { user: 'demo-client' }],
      ['read', 'users/another-demo-client/mytopic', false, { user: 'demo-client' }],
      ['read', 'public/all', false, { user: 'demo-client' }],
      ['read', 'public/all', true],
      ['read', 'private/mytopic', false, ann],
    ],
  },
]

// `admin` publishes what others are to receive or not.
const names = ['admin', 'roger', 'ann', 'john', 'Roger', 'ann o', '+', '+x', 'demo-client']
const asAdmin = '\nuser admin\ntopic readwrite #\ntopic readwrite $other/#\n'
const scope = fileScope()
const prepared = prepare()

interface Prepared {
  readonly passwords: string
  /** One for each case and broker. */
  readonly ports: readonly number[]
}

async function prepare(): Promise<Prepared> {
  const dir = await mkdtemp(join(tmpdir(), 'castellan-names-'))
  scope.after(() => rm(dir, { recursive: true, force: true }))
  for (const name of names) {
    const args = [...(name === 'admin' ? ['-c'] : []), '-b', join(dir, 'names'), name, 'secret']
    assert.equal((await runProgram(scope, 'mosquitto_passwd', args)).ended?.code, 0)
  }
  const ports = await Promise.all([...cases, ...cases].map(freePort))
  return { passwords: await readFile(join(dir, 'names'), 'utf8'), ports }
}

for (const [offset, kind] of [
  [0, 'castellan'],
  [cases.length, 'mosquitto'],
] as const) {
  const broker = shareBroker(kind, async () => {
    const { passwords, ports } = await prepared
    return {
      config: ({ dir }) =>
        ['per_listener_settings true', ...cases.map((_, index) => listenerOf(ports[offset + index]!, dir, index))].join(
          '\n',
        ),
      files: {
        passwords,
        ...Object.fromEntries(cases.map(({ acl }, index) => [`acl-${index}`, `${acl}\n${asAdmin}`])),
      },
    }
  })
  for (const [index, { sentence, probes }] of cases.entries()) {
    test(`${sentence} (${kind})`, async t => {
      const { ports } = await prepared
      const target = { port: ports[offset + index]!, process: broker.process }
      for (const [action, topic, allowed, who = {}] of probes) {
        const title = `${who.user ?? 'anonymous'}${who.clientId ? ` as ${who.clientId}` : ''} may ${action} ${topic}`
        const decided =
          action === 'write' ? await mayWrite(t, target, topic, who) : await mayRead(t, target, topic, who)
        assert.equal(decided, allowed, title)
      }
    })
  }
}

function listenerOf(port: number, dir: string, index: number): string {
  const files = `acl_file ${join(dir, `acl-${index}`)}\npassword_file ${join(dir, 'passwords')}`
  return `listener ${port} 127.0.0.1\nallow_anonymous true\n${files}`
}

type Target = Parameters<typeof joinBroker>[1]

function credentials({ user, clientId = unique('c') }: Who) {
  return { clientId, ...(user === undefined ? {} : { username: user, password: 'secret' }) }
}

/** MQTT 5 tells a publisher at QoS 1 whether it may. */
async function mayWrite(t: TestContext, target: Target, topic: string, who: Who): Promise<boolean> {
  const client = await joinBroker(t, target, credentials(who))
  client.send(publishBytes({ topic, qos: 1, packetId: 1 }))
  const { reasonCode } = await client.expectAcknowledgement('PUBACK')
  assert([0x00, 0x10, 0x87].includes(reasonCode), `reason code ${reasonCode}`)
  await leave(client)
  return reasonCode !== 0x87
}

/** `admin` publishes; once that is acknowledged, a ping shows all that the subscriber got. */
async function mayRead(t: TestContext, target: Target, topic: string, who: Who): Promise<boolean> {
  const reader = await joinBroker(t, target, credentials(who))
  await subscribe(reader, [
    { filter: topic, qos: 1 },
    { filter: '#', qos: 1 },
  ])
  const admin = await joinBroker(t, target, credentials({ user: 'admin' }))
  const payload = unique('m')
  await publish(admin, { topic, payload, qos: 1 })
  const received = await drain(reader)
  for (const each of received) {
    assert.deepEqual([each.topic, each.payload], [topic, payload])
    reader.send(acknowledgementBytes('PUBACK', each.packetId))
  }
  await leave(reader)
  await leave(admin)
  return received.length > 0
}

const writers: readonly (readonly [writer: string, command: string, before: readonly string[]])[] = [
  ['mosquitto_passwd', 'mosquitto_passwd', []],
  ['castellan passwd -H sha512-pbkdf2', castellanProgram, ['passwd', '-H', 'sha512-pbkdf2']],
]

for (const [writer, command, args] of writers) {
  test(`features B3: a password file by ${writer} lets the same users in to both brokers`, async t => {
    const dir = await mkdtemp(join(tmpdir(), 'castellan-passwords-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const file = join(dir, 'pw')
    for (const options of [
      ['-c', '-b', file, 'ann', 'päss wörd'],
      ['-b', file, 'bob', 'x'],
      ['-b', file, 'gone', 'x'],
      ['-D', file, 'gone'],
    ])
      assert.equal((await runProgram(t, command, [...args, ...options])).ended?.code, 0, options.join(' '))
    const files = { pw: await readFile(file, 'utf8') }
    for (const kind of both) assert.deepEqual(await whoIsIn(t, kind, files), [0, 0, 5, 5, 5, 5], kind)
  })
}

async function whoIsIn(t: TestContext, kind: BrokerKind, files: Readonly<Record<string, string>>): Promise<unknown[]> {
  const broker = await startEither(t, kind, {
    config: ({ port, dir }) => `listener ${port} 127.0.0.1\npassword_file ${join(dir, 'pw')}`,
    files,
  })
  const attempts = [
    ['ann', 'päss wörd'],
    ['bob', 'x'],
    ['bob', 'X'],
    ['bob', ''],
    ['gone', 'x'],
    ['Ann', 'päss wörd'],
  ] as const
  const codes = []
  for (const [user, password] of attempts) {
    const args = ['-h', '127.0.0.1', '-p', String(broker.port), '-u', user, '-P', password, '-t', 't', '-m', 'm']
    codes.push((await runProgram(t, 'mosquitto_pub', args)).ended?.code)
  }
  return codes
}
