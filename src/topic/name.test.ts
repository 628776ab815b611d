import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { anyFilter, anyName, naivelyMatches } from '../../test/support/topics.ts'
import { levelCount, longestTopicBytes, matchesFilter, topicFilterFault, topicNameFault } from './name.ts'

describe('topicNameFault', () => {
  it('§4.7.1.2: takes every other name, blanks, empty levels and any alphabet included', () => {
    for (const name of ['a', '/', '//', 'a//b', ' ', '$SYS/broker', '$share/g/a', 'größe/温度/🌡', 'a b/c']) {
      assert.equal(topicNameFault(name), undefined, name)
    }
  })

  it('[MQTT-4.7.3-1] refuses an empty name', () => {
    assert.equal(topicNameFault(''), 'topic name is empty, it needs at least one character')
  })

  it('[MQTT-3.3.2-2] refuses a wildcard anywhere in a name', () => {
    for (const name of ['+', '#', 'a/+/b', 'a/#', 'a+', '#a']) {
      assert.match(topicNameFault(name) ?? '', /contains a wildcard/, name)
    }
  })

  it('[MQTT-4.7.3-2] refuses U+0000 and shows it escaped', () => {
    assert.equal(topicNameFault('a\0b'), 'topic name "a\\x00b" contains U+0000')
    assert.equal(topicFilterFault('a\0b'), 'topic filter "a\\x00b" contains U+0000')
  })

  it('[MQTT-4.7.3-3] counts UTF-8 bytes: 65,535 pass, one more does not', () => {
    assert.equal(longestTopicBytes, 65535)
    assert.equal(topicNameFault('a'.repeat(65535)), undefined)
    assert.equal(topicNameFault('é'.repeat(32767)), undefined)
    assert.equal(topicFilterFault('🌡'.repeat(16383)), undefined)
    assert.match(topicNameFault('a'.repeat(65536)) ?? '', /has 65536 bytes, at most 65535/)
    assert.match(topicNameFault('é'.repeat(32768)) ?? '', /has 65536 bytes/)
    assert.match(topicFilterFault('🌡'.repeat(16384)) ?? '', /has 65536 bytes/)
  })
})

describe('topicFilterFault', () => {
  it('[MQTT-4.7.1-2] takes + as a whole level anywhere', () => {
    for (const filter of ['+', '+/+', '/+', '+/tennis/#', 'sport/+/player1', '$SYS/+']) {
      assert.equal(topicFilterFault(filter), undefined, filter)
    }
  })

  it('[MQTT-4.7.1-2] refuses + beside other characters', () => {
    for (const filter of ['sport+', '+sport', 'a/b+/c', 'a/+b', '++', '+#']) {
      assert.match(topicFilterFault(filter) ?? '', /has "\+" beside other characters/, filter)
    }
  })

  it('[MQTT-4.7.1-1] takes # as the whole last level only', () => {
    for (const filter of ['#', '/#', 'sport/#', '+/#', 'a//#'])
      assert.equal(topicFilterFault(filter), undefined, filter)
    for (const filter of ['sport#', 'a/#b', '##', '#+']) {
      assert.match(topicFilterFault(filter) ?? '', /has "#" beside other characters/, filter)
    }
    for (const filter of ['#/', 'sport/#/ranking', '#/#']) {
      assert.match(topicFilterFault(filter) ?? '', /goes on after "#"/, filter)
    }
  })

  it('[MQTT-4.7.3-1] refuses an empty filter', () => {
    assert.equal(topicFilterFault(''), 'topic filter is empty, it needs at least one character')
  })
})

describe('levelCount', () => {
  it('§4.7.1.1: counts empty levels too', () => {
    const cases: [string, number][] = [
      ['a', 1],
      ['/', 2],
      ['a/b', 2],
      ['a//b', 3],
      ['/a/', 3],
      ['/'.repeat(65535), 65536],
    ]
    for (const [topic, levels] of cases) assert.equal(levelCount(topic), levels)
  })
})

describe('matchesFilter', () => {
  const deep = 'level/'.repeat(5000)
  const cases: { filter: string; matches: string[]; passesOver: string[] }[] = [
    {
      filter: 'sport/tennis/player1/#',
      matches: ['sport/tennis/player1', 'sport/tennis/player1/', 'sport/tennis/player1/score/wimbledon'],
      passesOver: ['sport/tennis', 'sport/tennis/player10', 'sport/tennis/player'],
    },
    { filter: 'sport/#', matches: ['sport', 'sport/'], passesOver: ['sports', '/sport'] },
    {
      filter: 'sport/tennis/+',
      matches: ['sport/tennis/player1', 'sport/tennis/'],
      passesOver: ['sport/tennis', 'sport/tennis/a/b'],
    },
    { filter: 'sport/+', matches: ['sport/'], passesOver: ['sport'] },
    { filter: '+/+', matches: ['/finance', '/'], passesOver: ['finance'] },
    { filter: '/+', matches: ['/finance'], passesOver: ['finance', '//'] },
    { filter: '+', matches: ['finance'], passesOver: ['/finance', 'a/b'] },
    { filter: '+/#', matches: ['a', 'a/b', '/'], passesOver: ['$SYS', '$SYS/a'] },
    { filter: '#', matches: ['a', '/', 'a//b'], passesOver: ['$SYS', '$SYS/uptime', '$'] },
    { filter: '$SYS/#', matches: ['$SYS', '$SYS/uptime'], passesOver: ['$SYSTEM', 'SYS'] },
    { filter: '+/monitor/Clients', matches: ['a/monitor/Clients'], passesOver: ['$SYS/monitor/Clients'] },
    { filter: '$SYS/monitor/+', matches: ['$SYS/monitor/Clients'], passesOver: ['$SYS/monitor'] },
    { filter: 'a//b', matches: ['a//b'], passesOver: ['a/b', 'a///b'] },
    { filter: 'ACCOUNTS', matches: ['ACCOUNTS'], passesOver: ['Accounts', 'ACCOUNTS/'] },
    { filter: 'größe/+', matches: ['größe/温度'], passesOver: ['gro\u0308ße/温度'] },
    { filter: `${deep}+`, matches: [`${deep}x`], passesOver: [deep.slice(0, -1), `${deep}x/y`] },
  ]
  for (const { filter, matches, passesOver } of cases) {
    it(`§4.7: "${filter.length > 60 ? 'five thousand levels' : filter}" matches by the rules and nothing else`, () => {
      for (const name of matches) assert.equal(matchesFilter(filter, name), true, name)
      for (const name of passesOver) assert.equal(matchesFilter(filter, name), false, name)
    })
  }

  it('§4.7: agrees with a matcher that splits into levels', () => {
    fc.assert(
      fc.property(anyFilter, anyName, (filter, name) => {
        assert.equal(matchesFilter(filter, name), naivelyMatches(filter, name))
      }),
      { numRuns: 2000 },
    )
  })
})
