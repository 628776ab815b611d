// The `$SYS` trees of both brokers, read by Debian's mosquitto_sub: each topic of Debian's is published here, in the same form
// (features J4).

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { absentTopics, sysTopics } from '../../scripts/sys-tree-page.ts'
import { type BrokerKind, startEither } from '../support/broker-process.ts'
import { startTool } from '../support/clients.ts'

/** Topics and values: what is retained, then what comes until the uptime has changed. */
async function tree(t: TestContext, kind: BrokerKind): Promise<ReadonlyMap<string, string>> {
  const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true\nsys_interval 1`
  const { port } = await startEither(t, kind, { config })
  const args = ['-p', `${port}`, '-q', '2', '-t', '$SYS/#', '-F', '%t\t%p\t%q']
  const tool = startTool(t, 'mosquitto_sub', args)
  const [, first = ''] = await tool.waitForLine(/^\$SYS\/broker\/uptime\t(\d+) seconds\t/)
  await tool.waitForLine(new RegExp(`^\\$SYS/broker/uptime\\t(?!${first} )\\d+ seconds\\t`))
  await tool.waitForLine(/^\$SYS\/broker\/load\/connections\/15min\t/)
  const rows = tool.stdout.map(line => line.split('\t'))
  assert(rows.every(([, , qos]) => qos === '2'))
  return new Map(rows.map(([topic = '', value = '']) => [topic, value]))
}

/** `12`, `0.25` or `7 seconds`: as the other broker writes it. */
const form = (value: string) => value.replace(/\d+/g, '0')

test('features J4: every topic that Debian’s broker publishes is published here, with a value of the same form', async t => {
  const theirs = await tree(t, 'mosquitto')
  const ours = await tree(t, 'castellan')
  assert(theirs.size > 40, [...theirs.keys()].join('\n'))
  for (const [topic, value] of theirs) {
    const own = ours.get(topic)
    if (own === undefined) assert(topic.replace('$SYS/broker/', '') in absentTopics, `${topic} is not explained`)
    else if (!topic.endsWith('/version')) assert.equal(form(own), form(value), topic)
  }
  assert.deepEqual(
    [...ours.keys()].toSorted(),
    sysTopics()
      .map(([topic]) => topic)
      .toSorted(),
  )
})
