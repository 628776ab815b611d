import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { checkTimestampFormat, formatTimestamp } from './timestamp.ts'

const codes = '%Y %y %m %d %e %j %H %I %M %S %p %s %F %T %z %a %A %b %B %%'

for (const seconds of [0, 951_827_696, 1_700_000_000, 1_719_835_200, 4_102_444_799]) {
  test(`mosquitto-conf 3 log_timestamp_format: the codes give what date(1) gives at ${seconds}`, () => {
    const expected = execFileSync('date', ['-d', `@${seconds}`, `+${codes}`], { env: { ...process.env, LC_ALL: 'C' } })
    assert.equal(`${formatTimestamp(codes, seconds * 1000)}\n`, expected.toString())
  })
}

test('mosquitto-conf 3 log_timestamp_format: text between the codes stays as it is', () => {
  assert.equal(formatTimestamp('at %s: ü', 5_999), 'at 5: ü')
})

test('mosquitto-conf 3 log_timestamp_format: an unknown code is refused by name', () => {
  assert.equal(checkTimestampFormat('%Y-%m-%d'), undefined)
  assert.match(checkTimestampFormat('%Y %Z') ?? '', /'%Z' is not one of %Y /)
  assert.match(checkTimestampFormat('100%') ?? '', /'%' is not one of/)
  assert.match(checkTimestampFormat('%toString') ?? '', /'%t' is not one of/)
})
