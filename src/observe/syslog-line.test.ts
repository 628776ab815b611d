import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { findLogger, loggerArguments } from './logger-outlet.ts'
import { cutToSyslog, maximumSyslogLineBytes, syslogPriority } from './syslog-line.ts'

test('a line that fits is left as it is; a longer one is cut between characters, and says so', () => {
  const fits = 'x'.repeat(maximumSyslogLineBytes)
  assert.equal(cutToSyslog(fits), fits)
  const wide = '€'.repeat(maximumSyslogLineBytes / 3)
  assert.equal(cutToSyslog(wide), wide)
  assert.equal(cutToSyslog(`${fits}y`), `${'x'.repeat(maximumSyslogLineBytes - 3)}…`)
  for (const beginning of ['', 'x', 'xx', 'xxx']) {
    const cut = cutToSyslog(beginning + '🔒'.repeat(maximumSyslogLineBytes))
    assert(Buffer.byteLength(cut) <= maximumSyslogLineBytes)
    assert.match(cut, /^x*(🔒)+…$/u)
  }
})

const logger = findLogger(process.env)

test('log_dest syslog: logger(1) takes facility and severity from the line, and nothing behind them for another line', {
  skip: logger === undefined && 'no logger(1) on PATH',
}, () => {
  const lines = [
    `${syslogPriority('error', undefined)}plain`,
    `${syslogPriority('debug', 5)}<0>forged`,
    syslogPriority('notice', 0) + cutToSyslog(`${'x'.repeat(maximumSyslogLineBytes - 3)}<0>${'y'.repeat(20_000)}`),
    `${syslogPriority('warning', 7)}last`,
  ]
  // Has it print what it would send, also where nobody listens.
  const args = loggerArguments(4711).map(argument => argument.replace('errors=on', 'errors=off'))
  const { stderr, status } = spawnSync(logger!, [...args, '--no-act', '--stderr'], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  const sent = stderr
    .trimEnd()
    .split('\n')
    .map(line => /^(<\d+>).*? mosquitto\[4711\]: (.*)$/s.exec(line)?.slice(1))
  assert.deepEqual(
    sent.map(parts => [parts?.[0], parts?.[1]?.replace(/^x+…$/, 'cut')]),
    [
      ['<27>', 'plain'],
      ['<175>', '<0>forged'],
      ['<133>', 'cut'],
      ['<188>', 'last'],
    ],
  )
})
