import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseTopicFilter } from './shared.ts'

function faultOf(filter: string): string {
  const parsed = parseTopicFilter(filter)
  return 'fault' in parsed ? parsed.fault : assert.fail(`${filter} was taken`)
}

describe('parseTopicFilter', () => {
  it('§4.8.2: takes a shared subscription apart', () => {
    const cases: [string, string, string][] = [
      ['$share/consumer1/sport/tennis/+', 'consumer1', 'sport/tennis/+'],
      ['$share/g/#', 'g', '#'],
      ['$share/g//finance', 'g', '/finance'],
      ['$share/g/$SYS/#', 'g', '$SYS/#'],
      ['$share/$share/a', '$share', 'a'],
    ]
    for (const [filter, shareName, topicFilter] of cases) {
      assert.deepEqual(parseTopicFilter(filter), { shareName, topicFilter })
    }
  })

  it('§4.8.2: leaves every other filter as it is', () => {
    for (const filter of ['a/b', '#', '$share', '$shared/g/a', '$SHARE/g/a', 'a/$share/g']) {
      assert.deepEqual(parseTopicFilter(filter), { shareName: undefined, topicFilter: filter })
    }
  })

  it('[MQTT-4.8.2-1] refuses an empty share name and one with a wildcard', () => {
    assert.match(faultOf('$share//a'), /has an empty share name/)
    assert.match(faultOf('$share/'), /has an empty share name/)
    assert.match(faultOf('$share/g+/a'), /share name "g\+" contains a wildcard/)
    assert.match(faultOf('$share/#/a'), /share name "#" contains a wildcard/)
  })

  it('[MQTT-4.8.2-2] refuses a share name without a topic filter behind it', () => {
    assert.match(faultOf('$share/g'), /has no topic filter/)
    assert.match(faultOf('$share/g/'), /topic filter is empty/)
  })

  it('[MQTT-4.7.1-1] refuses an invalid filter, shared or not', () => {
    assert.match(faultOf('a/#/b'), /goes on after "#"/)
    assert.match(faultOf('$share/g/a#'), /beside other characters/)
    assert.match(faultOf(''), /is empty/)
  })
})
