// Every configuration block of the four guides gets a score, with the findings that belong to it and no others; what the guides say
// and is not so (features, "statements we must not follow") is among them.

import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { wallClock } from '../../src/base/clock.ts'
import { examineFile, type Report } from '../../src/doctor/examine.ts'
import { options } from '../../src/server/options.ts'
import { type Block, blocks } from '../interop/article-blocks.ts'
import { articleFiles, moved } from '../interop/articles.ts'

interface Expected {
  /** As `Block` has it. */
  readonly sentence: string
  readonly findings: string
  readonly grade: string
  /** Of one of them, what it says. */
  readonly says?: readonly [id: string, evidence: RegExp]
}

const expected: readonly Expected[] = [
  {
    sentence: 'features B1, B2: anonymous false and a password file, with no listener',
    findings: 'D03 D17 D18 D31 D45',
    grade: 'D',
    says: ['D17', /^\$7\$ with 101 rounds: 'user1'$/],
  },
  {
    sentence: 'features C2: certificates demanded, identity as user name',
    findings: 'D05 D07 D14 D32 D45',
    grade: 'D',
    says: ['D07', /no other way to learn of revocations$/],
  },
  { sentence: 'features D1: a list of revoked certificates', findings: 'D05 D14 D32 D45', grade: 'C' },
  {
    sentence: 'features C1: two certificates on one line are one bad path',
    findings: 'D03 D05 D07 D11 D14 D17 D18 D31 D32 D45',
    grade: 'F',
    says: ['D11', /is read as one path; a listener has one certificate$/],
  },
  {
    sentence: 'features A1: a second listener, with a client certificate as its own',
    findings: 'D03 D05 D07 D11 D13 D14 D17 D18 D31 D32 D45',
    grade: 'F',
    says: ['D11', /user1\.crt' \(CN=user1\) is for clients alone$/],
  },
  {
    sentence: 'features A2: `port 8883` alone',
    findings: 'D02 D04 D05 D32 D41',
    grade: 'F',
    says: ['D02', /does not make it TLS$/],
  },
  { sentence: 'features H1: a prefix of client ids', findings: 'D02 D04 D05 D30 D32 D41', grade: 'F' },
  {
    sentence: 'mosquitto-conf 1: the broker guide line by line on its default listener',
    findings: 'D03 D07 D10 D14 D17 D18 D27 D28 D30 D31 D32 D41 D45',
    grade: 'F',
    says: ['D27', /^'\$SYS\/#' for clients without a name, and none gets in$/],
  },
  {
    sentence: 'features F1: `pattern read | write` is a pattern for an odd topic',
    findings: 'D02 D04 D25 D26 D31 D32 D41 D45',
    grade: 'F',
    says: ['D25', /"\|" separates nothing/],
  },
  {
    sentence: 'features D1: a list of revoked certificates on the default listener',
    findings: 'D04 D05 D13 D14 D16 D32 D41',
    grade: 'F',
  },
  { sentence: 'features G1: the dynamic security plugin', findings: 'D13 D14 D16 D32', grade: 'D' },
  {
    sentence: 'features G1: the high availability plugin, for its dynamic security',
    findings: 'D13 D14 D16 D32',
    grade: 'D',
  },
  {
    sentence: 'features B2: a password file and TLS',
    findings: 'D03 D05 D13 D14 D16 D17 D18 D31 D32 D45',
    grade: 'F',
    says: ['D18', /^the password of '(user1|cedalo)' is the name, or of the words that are tried first$/],
  },
  {
    sentence: 'features B3: the password line printed in the guide has no hash',
    findings: 'D05 D13 D14 D16 D17 D31 D32 D45',
    grade: 'F',
    says: ['D17', /^a hash that cannot be read, cut short perhaps: 'cedalo'$/],
  },
  {
    sentence: 'features C5: client certificates of an authority made on the command line',
    findings: 'D05 D07 D13 D14 D15 D16 D32 D45',
    grade: 'F',
    says: ['D15', /^CN=demo-client (is of X\.509 version 1|has no extendedKeyUsage)/],
  },
  {
    sentence: 'features C9: authorities in a directory, and the plugin that changes them',
    findings: 'D05 D07 D13 D14 D15 D16 D32 D45',
    grade: 'F',
  },
  {
    sentence: 'features F1: the rules with `Topic` in capitals',
    findings: 'D03 D13 D14 D16 D17 D18 D25 D27 D28 D31 D32 D45',
    grade: 'F',
    says: ['D25', /keywords are lower case: "topic", not "Topic"$/],
  },
  {
    sentence: 'features F1: the rules as they were meant',
    findings: 'D03 D13 D14 D16 D17 D18 D27 D28 D31 D32 D45',
    grade: 'F',
  },
]

test('features N, statements not to be followed: every block of the guides is expected to have findings', () => {
  assert.deepEqual(
    expected.map(({ sentence }) => sentence),
    blocks.map(({ sentence }) => sentence),
  )
})

for (const { sentence, findings, grade, says } of expected) {
  test(`${sentence}: the doctor gives it grade ${grade}`, async t => {
    const block = blocks.find(known => known.sentence === sentence)
    assert.ok(block)
    const report = await examine(t, block)
    const ids = [...new Set(report.findings.map(({ id }) => id))].sort()
    assert.equal(ids.join(' '), findings, JSON.stringify(report, undefined, 1))
    assert.equal(report.grade, grade, `score ${report.score}`)
    const [id, evidence] = says ?? []
    const told = report.findings.filter(finding => finding.id === id).map(finding => finding.evidence)
    if (evidence !== undefined)
      assert.ok(
        told.some(text => evidence.test(text)),
        told.join('\n'),
      )
  })
}

async function examine(t: TestContext, block: Block): Promise<Report> {
  const files = await articleFiles(t)
  // As Debian's mosquitto_passwd leaves them under the usual umask.
  for (const name of ['passwd_mqtt', 'pwfile', 'credentials']) await chmod(join(files.dir, name), 0o644)
  const write = (name: string, text: string) => writeFile(join(files.dir, name), text, { mode: 0o600 })
  await write('aclfile', block.acl ?? '')
  if (block.passwords) await write('printed-credentials', block.passwords)
  await write('mosquitto.conf', moved(block.block, files, 8883, 8884))
  return examineFile(join(files.dir, 'mosquitto.conf'), options, { now: wallClock(), keepsTime: true })
}
