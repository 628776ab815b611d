// What the guides say of ACL files and roles, and what is true of it: each example with the rule that decides, also where a guide is
// wrong about its own file.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { initialFile } from '../../../test/support/administrator.ts'
import { runCommand } from '../../../test/support/command.ts'
import { acl } from './acl.ts'

/** What is asked, as it is typed, and the text of the rule that decides. */
type Answer = readonly [asked: string, decision: 'ALLOW' | 'DENY', decidedBy: string]

interface Example {
  readonly sentence: string
  readonly acl?: string
  readonly dynsec?: object
  readonly answers: readonly Answer[]
  /** On standard output or error, of the first question. */
  readonly says?: RegExp
}

const nothingAllows = "no line of 'acl' allows it"
const noFilter = 'an ACL file lets every subscription through, and judges each message that it brings (ask: receive)'
const exampleFile = `# This affects access control for clients with no username.
topic read $SYS/#

# This only affects clients with username "roger".
user roger
topic foo/bar

# This affects all clients.
pattern write $SYS/broker/connection/%c/state
`

const allow = (acltype: string, topic: string, rest: object = {}) => ({ acltype, topic, allow: true, ...rest })
const deny = (acltype: string, topic: string, rest: object = {}) => ({ acltype, topic, allow: false, ...rest })
/** As `mosquitto_ctrl dynsec init` begins it. */
const usualDefault = { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true }

const examples: readonly Example[] = [
  {
    sentence: 'features F8: the example file lets whoever has no name read $SYS, and nothing else',
    acl: exampleFile,
    answers: [
      ['- receive $SYS/broker/uptime', 'ALLOW', 'acl:2  topic read $SYS/#'],
      ['- publish $SYS/broker/uptime', 'DENY', 'nobody publishes below $SYS, but the state of a bridge'],
      ['- receive foo/bar', 'DENY', nothingAllows],
      ['- publish other', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F8: … gives foo/bar to roger, and to nobody else',
    acl: exampleFile,
    answers: [
      ['roger publish foo/bar', 'ALLOW', "acl:6  topic readwrite foo/bar  of user 'roger'"],
      ['roger receive foo/bar', 'ALLOW', "acl:6  topic readwrite foo/bar  of user 'roger'"],
      ['alice publish foo/bar', 'DENY', nothingAllows],
      ['roger receive $SYS/broker/uptime', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F8: … and to everybody the state of a bridge of its own client id',
    acl: exampleFile,
    answers: [
      [
        'roger publish $SYS/broker/connection/c1/state --id c1',
        'ALLOW',
        'acl:9  pattern write $SYS/broker/connection/%c/state',
      ],
      [
        '- publish $SYS/broker/connection/c1/state --id c1',
        'ALLOW',
        'acl:9  pattern write $SYS/broker/connection/%c/state',
      ],
      ['roger publish $SYS/broker/connection/c1/state --id c2', 'DENY', nothingAllows],
      ['roger receive $SYS/broker/connection/c1/state --id c1', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F4: `pattern write sensor/%c/data` is to publish, though a guide says read',
    acl: 'pattern write sensor/%c/data\n',
    answers: [
      ['any publish sensor/c1/data --id c1', 'ALLOW', 'acl:1  pattern write sensor/%c/data'],
      ['any receive sensor/c1/data --id c1', 'DENY', nothingAllows],
      ['any publish sensor/c1/data --id c2', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F4: `pattern write sensor/c1/data` is for everybody, though a guide says for c1 alone',
    acl: 'pattern write sensor/c1/data\n',
    answers: [
      ['any publish sensor/c1/data --id c2', 'ALLOW', 'acl:1  pattern write sensor/c1/data'],
      ['any publish sensor/c1/data --id c1', 'ALLOW', 'acl:1  pattern write sensor/c1/data'],
    ],
    says: /ACL pattern 'sensor\/c1\/data' does not contain '%c' or '%u'/,
  },
  {
    sentence: 'features F4: `pattern read user/%u/logintime` is for the user of that name',
    acl: 'pattern read user/%u/logintime\n',
    answers: [
      ['john receive user/john/logintime', 'ALLOW', 'acl:1  pattern read user/%u/logintime'],
      ['john publish user/john/logintime', 'DENY', nothingAllows],
      ['ann receive user/john/logintime', 'DENY', nothingAllows],
      ['- receive user/-/logintime', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F1: `pattern read | write …` grants nothing, though a guide says reading and writing',
    acl: 'pattern read | write user/john/lastlogin\n',
    answers: [
      ['john publish user/john/lastlogin', 'DENY', nothingAllows],
      ['john receive user/john/lastlogin', 'DENY', nothingAllows],
    ],
    says: /"\|" separates nothing, write "readwrite" for both/,
  },
  {
    sentence: 'features F5: a client id with a wildcard gets no pattern, and is told why',
    acl: 'pattern write sensor/%c/data\n',
    answers: [['any publish sensor/x/data --id +', 'DENY', nothingAllows]],
    says: /note {3}acl_file: ACL denying access to client with dangerous client id "\+"/,
  },
  {
    sentence:
      'features F2: topic lines above the first user line are for nobody with a name, though a guide says for all',
    acl: 'topic readwrite public/all\n\nuser demo-client\ntopic readwrite private/mytopic\n\npattern readwrite users/%u/mytopic\n',
    answers: [
      ['demo-client publish public/all', 'DENY', nothingAllows],
      ['other receive public/all', 'DENY', nothingAllows],
      ['- publish public/all', 'ALLOW', 'acl:1  topic readwrite public/all'],
      ['- receive public/all', 'ALLOW', 'acl:1  topic readwrite public/all'],
    ],
    says: /note {3}acl_file: acl:1 {2}topic readwrite public\/all is above the first user line, and so only for clients without a username/,
  },
  {
    sentence: 'features F3, F4: the rest of that file does what its guide says',
    acl: 'topic readwrite public/all\n\nuser demo-client\ntopic readwrite private/mytopic\n\npattern readwrite users/%u/mytopic\n',
    answers: [
      ['demo-client publish private/mytopic', 'ALLOW', "acl:4  topic readwrite private/mytopic  of user 'demo-client'"],
      ['other publish private/mytopic', 'DENY', nothingAllows],
      ['demo-client receive users/demo-client/mytopic', 'ALLOW', 'acl:6  pattern readwrite users/%u/mytopic'],
      ['demo-client publish users/another-demo-client/mytopic', 'DENY', nothingAllows],
    ],
  },
  {
    sentence: 'features F7: an ACL file refuses no subscription, though a guide says that nobody could subscribe',
    acl: 'user bob\ntopic read a/#\ntopic deny a/secret\n',
    answers: [
      ['bob subscribe a/secret', 'ALLOW', noFilter],
      ['bob subscribe #', 'ALLOW', noFilter],
      ['bob unsubscribe #', 'ALLOW', noFilter],
      ['bob receive a/secret', 'DENY', "acl:3  topic deny a/secret  of user 'bob'"],
      ['bob receive a/open', 'ALLOW', "acl:2  topic read a/#  of user 'bob'"],
    ],
  },
  {
    sentence: 'features F6: denials come first, a file denies what it does not allow, and # reaches no $-topic',
    acl: 'user bob\ntopic #\ntopic deny a/b\n',
    answers: [
      ['bob publish a/b', 'DENY', "acl:3  topic deny a/b  of user 'bob'"],
      ['bob publish a/c', 'ALLOW', "acl:2  topic readwrite #  of user 'bob'"],
      ['bob receive $SYS/x', 'DENY', nothingAllows],
    ],
    says: /looked at 2 rules, 2 matched; without that rule: ALLOW by acl:2 {2}topic readwrite #/,
  },
  {
    sentence: 'features F9: dynamic security goes first, and leaves to the ACL file whom it does not know',
    acl: 'user known\ntopic t\nuser stranger\ntopic t\n',
    dynsec: { clients: [{ username: 'known' }] },
    answers: [
      ['known publish t', 'DENY', 'default access: publishClientSend deny'],
      ['stranger publish t', 'ALLOW', "acl:4  topic readwrite t  of user 'stranger'"],
    ],
    says: /note {3}acl_file: it is not asked: about its own clients dynamic security alone decides/,
  },
  {
    sentence: 'features F9: … and without one to nobody',
    dynsec: { clients: [{ username: 'known' }] },
    answers: [
      [
        'stranger publish t',
        'DENY',
        'dynamic security does not know the client, and there is no acl_file: nothing is allowed',
      ],
    ],
    says: /note {3}dynamic security: it does not know a client 'stranger'/,
  },
  {
    sentence: 'features G7: a client without roles publishes and subscribes to nothing; what it receives is not denied',
    dynsec: { clients: [{ username: 'cedalo' }], defaultACLAccess: usualDefault },
    answers: [
      ['cedalo publish t', 'DENY', 'default access: publishClientSend deny'],
      ['cedalo subscribe t', 'DENY', 'default access: subscribe deny'],
      ['cedalo receive t', 'ALLOW', 'default access: publishClientReceive allow'],
      ['cedalo unsubscribe t', 'ALLOW', 'default access: unsubscribe allow'],
      [
        'cedalo receive $CONTROL/dynamic-security/v1/response',
        'DENY',
        'default access: never for $CONTROL, which is granted by name or not at all',
      ],
    ],
  },
  {
    sentence:
      'features G2: the admin of `dynsec init` controls dynamic security, reads all, and publishes on nothing else',
    dynsec: JSON.parse(initialFile),
    answers: [
      [
        'admin publish $CONTROL/dynamic-security/v1',
        'ALLOW',
        "role 'admin' acl #1 (priority 0): publishClientSend allow $CONTROL/dynamic-security/#",
      ],
      ['admin receive a/b', 'ALLOW', "role 'admin' acl #4 (priority 0): publishClientReceive allow #"],
      ['admin publish a/b', 'DENY', 'default access: publishClientSend deny'],
      ['admin publish $CONTROL/broker/v1', 'DENY', 'default access: publishClientSend deny'],
    ],
  },
  {
    sentence: 'features G8: a role of a group denies, and the answer names role, ACL, priority and group',
    dynsec: {
      clients: [{ username: 'device-17' }],
      groups: [{ groupname: 'devices', roles: [{ rolename: 'sensor' }], clients: [{ username: 'device-17' }] }],
      roles: [
        {
          rolename: 'sensor',
          acls: [
            allow('publishClientSend', 'sensors/%c/up', { priority: 1 }),
            deny('publishClientSend', 'sensors/+/up'),
            allow('subscribePattern', 'sensors/%c/#'),
          ],
        },
      ],
    },
    answers: [
      [
        'device-17 publish sensors/device-18/up',
        'DENY',
        "role 'sensor' acl #2 (priority 0): publishClientSend deny sensors/+/up  via group 'devices'",
      ],
      [
        'device-17 publish sensors/device-17/up',
        'ALLOW',
        "role 'sensor' acl #1 (priority 1): publishClientSend allow sensors/%c/up  via group 'devices'",
      ],
      [
        'device-17 subscribe sensors/device-17/+',
        'ALLOW',
        "role 'sensor' acl #3 (priority 0): subscribePattern allow sensors/%c/#  via group 'devices'",
      ],
      ['device-17 subscribe sensors/#', 'DENY', 'default access: subscribe deny'],
    ],
    says: /looked at 2 rules, 1 matched; without that rule: DENY by default access: publishClientSend deny/,
  },
  {
    sentence: 'features G8: a literal goes before patterns, and a role without wildcards shadows all behind it',
    dynsec: {
      clients: [{ username: 'u', roles: [{ rolename: 'a', priority: 1 }, { rolename: 'b' }] }],
      roles: [
        { rolename: 'a', allowwildcardsubs: false, acls: [allow('subscribePattern', '#')] },
        { rolename: 'b', acls: [deny('subscribeLiteral', 'x'), allow('subscribePattern', '#', { priority: 9 })] },
      ],
    },
    answers: [
      ['u subscribe x/#', 'DENY', "role 'a' allowwildcardsubs false: no filter with + or #"],
      ['u subscribe x', 'ALLOW', "role 'a' acl #1 (priority 0): subscribePattern allow #"],
    ],
    says: /looked at 4 rules, 3 matched; without that rule: ALLOW by role 'a' acl #1/,
  },
  {
    sentence: 'features G9: whoever has no name has the roles of the anonymous group',
    dynsec: {
      groups: [{ groupname: 'unauthenticated', roles: [{ rolename: 'guest' }] }],
      anonymousGroup: 'unauthenticated',
      roles: [{ rolename: 'guest', acls: [allow('publishClientSend', 'door/bell')] }],
    },
    answers: [
      [
        '- publish door/bell',
        'ALLOW',
        "role 'guest' acl #1 (priority 0): publishClientSend allow door/bell  via group 'unauthenticated'",
      ],
      ['- publish door/key', 'DENY', 'default access: publishClientSend deny'],
    ],
  },
  {
    sentence: 'features G6: who is disabled, or bound to another client id, has nothing',
    dynsec: {
      clients: [
        { username: 'off', disabled: true, roles: [{ rolename: 'client' }] },
        { username: 'bound', clientid: 'c1', roles: [{ rolename: 'client' }] },
      ],
      roles: [{ rolename: 'client', acls: [allow('publishClientSend', '#')] }],
    },
    answers: [
      ['off publish t', 'DENY', "the client 'off' is disabled"],
      ['bound publish t --id c2', 'DENY', "the client 'bound' has to have the client id 'c1'"],
      ['bound publish t --id c1', 'ALLOW', "role 'client' acl #1 (priority 0): publishClientSend allow #"],
    ],
    says: /without that rule: ALLOW by role 'client' acl #1/,
  },
]

for (const { sentence, acl: aclText, dynsec, answers, says } of examples) {
  test(sentence, async t => {
    const dir = directory(t)
    const files: string[] = []
    if (aclText !== undefined) files.push('--acl-file', write(dir, 'acl', aclText))
    if (dynsec !== undefined) files.push('--dynsec-file', write(dir, 'dynsec', JSON.stringify(dynsec)))
    for (const [index, [asked, decision, decidedBy]] of answers.entries()) {
      const { code, stdout, stderr } = await runCommand(acl, ['check', ...asked.split(' '), ...files])
      assert.deepEqual(
        [code, decided(stdout, dir)],
        [decision === 'ALLOW' ? 0 : 1, `${decision} by ${decidedBy}`],
        asked + stderr,
      )
      if (index === 0 && says !== undefined) assert.match(`${stdout}${stderr}`.replaceAll(`${dir}/`, ''), says)
    }
  })
}

test('features F1: `Topic` with a capital is no rule: the file is refused, and the answer is neither yes nor no', async t => {
  const file = write(directory(t), 'acl', 'user demo-client\nTopic readwrite private/mytopic\n')
  const { code, stdout, stderr } = await runCommand(acl, ['check', 'demo-client', 'publish', 'x', '--acl-file', file])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /Error: Invalid line in acl_file ".*acl": Topic\.\nLine 2: keywords are lower case: "topic"/)
})

test('features F6: without an ACL file everything is allowed but control, though a guide says nothing', async t => {
  const dir = directory(t)
  const config = write(dir, 'mosquitto.conf', 'listener 1883 127.0.0.1\nallow_anonymous true\n')
  for (const [asked, decision, decidedBy] of [
    ['alice publish any/topic', 'ALLOW', 'there is no acl_file: everything is allowed'],
    ['alice subscribe #', 'ALLOW', 'there is no acl_file: everything is allowed'],
    ['- receive $SYS/broker/uptime', 'ALLOW', 'there is no acl_file: everything is allowed'],
    [
      'alice publish $CONTROL/dynamic-security/v1',
      'DENY',
      'there is no acl_file, and $CONTROL is granted by name or not at all',
    ],
    ['alice publish $SYS/broker/uptime', 'DENY', 'nobody publishes below $SYS, but the state of a bridge'],
  ] as const) {
    const { code, stdout } = await runCommand(acl, ['check', ...asked.split(' '), '-c', config])
    assert.deepEqual([code, decided(stdout, dir)], [decision === 'ALLOW' ? 0 : 1, `${decision} by ${decidedBy}`], asked)
  }
})

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-acl-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

function write(dir: string, name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

function decided(stdout: string, dir: string): string {
  const [, decision = '', decidedBy = ''] = /^ {2}(ALLOW|DENY) +decided by {2}(.*)$/m.exec(stdout) ?? []
  return `${decision} by ${decidedBy}`.replaceAll(`${dir}/`, '')
}
