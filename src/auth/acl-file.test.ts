import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AclFileError, parseAclFile, parseAclLines } from './acl-file.ts'

const path = '/etc/mosquitto/acl'

/** Each rule as `line kind access user: topic`, with `-` for nobody. */
function rulesOf(text: string): string[] {
  const { rules } = parseAclLines(text, path)
  return rules.map(rule => `${rule.line} ${rule.kind} ${rule.access} ${rule.username ?? '-'}: ${rule.topicFilter}`)
}

function errorOf(text: string): AclFileError {
  try {
    parseAclFile(text, path)
  } catch (error) {
    if (error instanceof AclFileError) return error
    throw error
  }
  return assert.fail(`taken: ${JSON.stringify(text)}`)
}

function warningsOf(text: string): readonly string[] {
  return parseAclFile(text, path).warnings
}

describe('parseAclFile: what it takes', () => {
  const cases: { name: string; text: string; rules: string[] }[] = [
    {
      name: 'features F1: each access word, readwrite when there is none',
      text: 'topic read a\ntopic write b\ntopic readwrite c\ntopic deny d\ntopic e\npattern %c\n',
      rules: [
        '1 topic read -: a',
        '2 topic write -: b',
        '3 topic readwrite -: c',
        '4 topic deny -: d',
        '5 topic readwrite -: e',
        '6 pattern readwrite -: %c',
      ],
    },
    {
      name: 'features F1: several spaces between words, around the line and inside a topic that follows its access',
      text: '  topic   read   a  b   \ntopic readwrite x y',
      rules: ['1 topic read -: a  b', '2 topic readwrite -: x y'],
    },
    {
      name: 'features F1: comments and empty lines',
      text: '# topic a\n\n   \n#\n\t\ntopic a',
      rules: ['6 topic readwrite -: a'],
    },
    {
      name: 'features F1: Windows line ends',
      text: '# c\r\nuser bob\r\ntopic a\r\n',
      rules: ['3 topic readwrite bob: a'],
    },
    { name: 'features F1: no rules at all', text: '', rules: [] },
    {
      name: 'features F3: lines belong to the user above them, who may come back, blanks in the name included',
      text: 'user bob smith\ntopic a\nuser al\ntopic b\nuser bob smith\ntopic c',
      rules: ['2 topic readwrite bob smith: a', '4 topic readwrite al: b', '6 topic readwrite bob smith: c'],
    },
    {
      name: 'features F4: patterns belong to nobody, wherever they stand',
      text: 'user bob\npattern read %u/#\ntopic a',
      rules: ['2 pattern read -: %u/#', '3 topic readwrite bob: a'],
    },
    { name: 'duplicates', text: 'topic a\ntopic a', rules: ['1 topic readwrite -: a', '2 topic readwrite -: a'] },
    {
      name: 'wildcards and any alphabet',
      text: 'topic read größe/+/温度/#',
      rules: ['1 topic read -: größe/+/温度/#'],
    },
    { name: 'a comment in another encoding', text: '# gr\ufffd\ufffde\ntopic a', rules: ['2 topic readwrite -: a'] },
    {
      name: "features F8: the example that comes with Mosquitto's packages",
      text: '# no username\ntopic read $SYS/#\n\nuser roger\ntopic foo/bar\n\npattern write $SYS/broker/connection/%c/state\n',
      rules: [
        '2 topic read -: $SYS/#',
        '5 topic readwrite roger: foo/bar',
        '7 pattern write -: $SYS/broker/connection/%c/state',
      ],
    },
  ]
  for (const { name, text, rules } of cases) it(name, () => assert.deepEqual(rulesOf(text), rules))
})

describe("parseAclFile: what it refuses, in Mosquitto's words and ours", () => {
  const cases: { name: string; text: string; line?: number; message: string; hint: RegExp }[] = [
    {
      name: 'features F1: a capital keyword, as the article has it',
      text: 'topic readwrite public/all\n\nuser demo-client\nTopic readwrite private/mytopic\n',
      line: 4,
      message: `Error: Invalid line in acl_file "${path}": Topic.`,
      hint: /^keywords are lower case: "topic", not "Topic"$/,
    },
    {
      name: 'a capital User',
      text: 'User bob',
      message: `Error: Invalid line in acl_file "${path}": User.`,
      hint: /"user", not "User"/,
    },
    {
      name: 'a capital Pattern',
      text: 'PATTERN %c',
      message: `Error: Invalid line in acl_file "${path}": PATTERN.`,
      hint: /"pattern", not/,
    },
    {
      name: 'tabs between words, shown escaped',
      text: 'user bob\ntopic\tread\ta',
      line: 2,
      message: `Error: Invalid line in acl_file "${path}": topic\\x09read\\x09a.`,
      hint: /separated by spaces, a tab/,
    },
    {
      name: 'an indented comment',
      text: '  # c',
      message: `Error: Invalid line in acl_file "${path}":   #.`,
      hint: /first character of its line/,
    },
    {
      name: 'a byte order mark',
      text: '\ufefftopic a',
      message: `Error: Invalid line in acl_file "${path}": \\u{feff}topic.`,
      hint: /byte order mark/,
    },
    {
      name: 'an unknown keyword',
      text: 'allow a',
      message: `Error: Invalid line in acl_file "${path}": allow.`,
      hint: /begins with "topic"/,
    },
    {
      name: 'a no-break space',
      text: 'topic\u00a0a',
      message: `Error: Invalid line in acl_file "${path}": topic\u00a0a.`,
      hint: /no-break space/,
    },
    {
      name: 'a typographic quote',
      text: '“topic” a',
      message: `Error: Invalid line in acl_file "${path}": “topic”.`,
      hint: /typographic quote/,
    },
    {
      name: 'features F1: an unknown access word',
      text: 'topic foo bar',
      message: `Error: Invalid topic access type "foo" in acl_file "${path}".`,
      hint: /"read", "write", "readwrite" or "deny"/,
    },
    {
      name: 'a capital access word',
      text: 'topic Read a',
      message: `Error: Invalid topic access type "Read" in acl_file "${path}".`,
      hint: /"read", not "Read"/,
    },
    {
      name: 'a tab before the access word',
      text: 'topic \tread a',
      message: `Error: Invalid topic access type "\\x09read" in acl_file "${path}".`,
      hint: /a tab/,
    },
    {
      name: 'features F1: a keyword alone',
      text: 'topic',
      message: `Error: Empty topic in acl_file "${path}".`,
      hint: /has to follow/,
    },
    {
      name: 'a pattern alone',
      text: 'pattern  ',
      message: `Error: Empty topic in acl_file "${path}".`,
      hint: /has to follow/,
    },
    {
      name: 'a user without a name',
      text: 'user ',
      message: `Error: Missing username in acl_file "${path}".`,
      hint: /has to follow/,
    },
    {
      name: 'a misplaced #',
      text: 'topic read a/#/b',
      message: `Error: Invalid ACL topic "a/#/b" in acl_file "${path}".`,
      hint: /goes on after "#"/,
    },
    {
      name: 'a misplaced +',
      text: 'topic a+',
      message: `Error: Invalid ACL topic "a+" in acl_file "${path}".`,
      hint: /beside other characters/,
    },
    {
      name: 'a comment behind a rule',
      text: 'topic read a # mine',
      message: `Error: Invalid ACL topic "a # mine" in acl_file "${path}".`,
      hint: /needs a line of its own/,
    },
    {
      name: 'a rule that is not UTF-8',
      text: '#\ntopic gr\ufffd',
      line: 2,
      message: `Error: Invalid line in acl_file "${path}": topic.`,
      hint: /not valid UTF-8/,
    },
    {
      name: 'a user that is not UTF-8',
      text: 'user J\ufffdrg',
      message: `Error: Invalid line in acl_file "${path}": user.`,
      hint: /not valid UTF-8/,
    },
    {
      name: 'U+0000',
      text: 'topic a\0b',
      message: `Error: Invalid line in acl_file "${path}": topic.`,
      hint: /U\+0000/,
    },
    {
      name: 'features F4: a denial that would deny nothing, its %u filling no level',
      text: 'pattern deny secret/x%u',
      message: `Error: Invalid ACL topic "secret/x%u" in acl_file "${path}".`,
      hint: /only where they fill a level, not in "x%u"/,
    },
  ]
  for (const { name, text, line = 1, message, hint } of cases) {
    it(name, () => {
      const error = errorOf(text)
      assert.equal(error.message, message)
      assert.match(error.hint, hint)
      assert.equal(error.line, line)
      assert.equal(error.code, 'ERR_AUTH_ACL_FILE')
    })
  }
})

describe('parseAclFile: what it takes and warns of', () => {
  it("features F4: a pattern without %c and %u, in Mosquitto's words", () => {
    assert.deepEqual(warningsOf('pattern read public/#'), [
      "Warning: ACL pattern 'public/#' does not contain '%c' or '%u'.",
    ])
    assert.deepEqual(warningsOf('pattern read %c/x\npattern read %u'), [])
  })

  it('features F1: the article\'s "pattern read | write …", whose topic begins with "| write"', () => {
    const text = 'pattern read | write user/john/lastlogin'
    assert.deepEqual(rulesOf(text), ['1 pattern read -: | write user/john/lastlogin'])
    const warnings = warningsOf(text)
    assert.match(warnings[0] ?? '', /'\| write user\/john\/lastlogin' does not contain/)
    assert.match(warnings[1] ?? '', /line 1: the topic is literally "\| write .*write "readwrite" for both/)
  })

  const cases: { name: string; text: string; warning: RegExp }[] = [
    {
      name: 'an access word in place of a topic',
      text: 'topic read ',
      warning: /topic named "read"; a topic may be missing/,
    },
    {
      name: 'a tab inside a topic',
      text: 'topic read\ta',
      warning: /literally "read\\x09a": words are separated by spaces/,
    },
    { name: 'a typographic dash', text: 'topic read room–1', warning: /literally "room–1": a typographic dash/ },
    { name: 'typographic quotes', text: 'topic read “a”', warning: /literally "“a”": a typographic quote/ },
    { name: 'plain quotes', text: 'topic read "a/b"', warning: /the quotes belong to the word/ },
    { name: 'a quoted user', text: "user 'bob'", warning: /the user is literally "'bob'": the quotes/ },
    {
      name: 'an invisible character',
      text: 'topic a\u200b',
      warning: /literally "a\\u\{200b\}": an invisible character/,
    },
    { name: 'features F4: a grant whose %c fills no level', text: 'pattern read a/dev-%c', warning: /not in "dev-%c"/ },
    { name: 'features F4: %u in a topic line', text: 'topic read users/%u', warning: /replaced in pattern lines only/ },
  ]
  for (const { name, text, warning } of cases) {
    it(name, () => {
      const warnings = warningsOf(`#\n${text}`)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /^Warning: acl_file "\/etc\/mosquitto\/acl" line 2: /)
      assert.match(warnings[0] ?? '', warning)
    })
  }

  it('features F2: says once to whom topic lines above the first user apply', () => {
    assert.deepEqual(parseAclFile('topic a\ntopic b\nuser bob\ntopic c', path).notes, [
      `acl_file "${path}" line 1: topic lines above the first user line apply only to clients without a username`,
    ])
    assert.deepEqual(parseAclFile('pattern %c\nuser bob\ntopic c', path).notes, [])
  })
})
