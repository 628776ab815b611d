// `castellan tap` against a broker: lines in a pipe, and the tree on a terminal of its own.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { castellanProgram, type Place, startBroker } from '../support/broker-process.ts'
import { runTool } from '../support/clients.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram, startProgram } from '../support/line-process.ts'
import { Terminal } from '../support/terminal.ts'

async function publish(t: TestContext, port: number, topicName: string, ...more: readonly string[]): Promise<void> {
  const { code } = await runTool(t, 'mosquitto_pub', ['-p', String(port), '-t', topicName, ...more])
  assert.equal(code, 0)
}

async function passwordLine(t: TestContext): Promise<string> {
  const args = ['passwd', '-b', '-c', '-', 'alice', 'correct horse']
  return `${(await runProgram(t, castellanProgram, args)).stdout.join('\n')}\n`
}

function openBroker(t: TestContext) {
  return startBroker(t, { config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous true\n` })
}

test('cli section 2: into a pipe tap prints a line for each message: topic, retained or not, bytes, value', async t => {
  const { port } = await openBroker(t)
  await publish(t, port, 'kept/a', '-m', 'one\x1b[2J', '-r')
  const tap = startProgram(t, castellanProgram, ['tap', `mqtt://127.0.0.1:${port}`, '-t', 'kept/#', '-C', '2'])
  assert.equal((await tap.waitForLine(/kept/)).input, 'kept/a\tr\t7\tone\\x1b[2J')
  await publish(t, port, 'other', '-m', 'not asked for')
  await publish(t, port, 'kept/b', '-n')
  assert.deepEqual(await tap.expectEnd(), { code: 0, signal: null })
  assert.deepEqual(tap.stdout.slice(1), ['kept/b\t-\t0\t'])
})

test('cli section 2: on a terminal tap shows a tree that keys move in, and ends with q', async t => {
  const { port } = await openBroker(t)
  await publish(t, port, 'house/kitchen/door', '-m', 'open', '-r')
  await publish(t, port, 'garden/gate', '-m', 'shut', '-r')
  const terminal = new Terminal(t, `${castellanProgram} tap -p ${port}`, { LINES: '20', NO_COLOR: '1' })
  await terminal.expect(/castellan tap {2}localhost:\d+ {2}# +\d messages/)
  await terminal.expect(/>- garden .*\n {3} {2}gate .* Rshut *\n - house .*\n {3}- kitchen .*\n {7}door .* Ropen/)
  terminal.type(' ')
  await terminal.expect(/>\+ garden .*\n - house/)
  terminal.type('/door\r')
  await terminal.expect(/filter: door\n.*\n>- house .*\n {3}- kitchen .*\n {7}door/)
  terminal.type('p')
  await terminal.expect(/PAUSED, 0 passed by/)
  terminal.type('q')
  assert.equal(await terminal.end(), 0)
})

test('cli section 2: on a terminal tap asks for the password of a user, and the keys are its own afterwards', async t => {
  const config = ({ port, dir }: Place) => `listener ${port} 127.0.0.1\npassword_file ${dir}/users.pw\n`
  const { port } = await startBroker(t, { config, files: { 'users.pw': await passwordLine(t) } })
  const terminal = new Terminal(t, `${castellanProgram} tap -p ${port} -u alice`)
  await terminal.expect(/Password for alice: /)
  terminal.type('correct horse\r')
  await terminal.expect(/castellan tap {2}localhost:\d+ {2}# +0 messages/)
  terminal.type('q')
  assert.equal(await terminal.end(), 0)
  assert.doesNotMatch(terminal.shown, /correct horse/)
})

test('cli section 2: whoever has read enough of the lines ends tap', async t => {
  const { port } = await openBroker(t)
  for (const name of ['a', 'b', 'c']) await publish(t, port, name, '-m', name, '-r')
  const command = `${castellanProgram} tap -p ${port} | head -n 1`
  const head = startProgram(t, 'sh', ['-c', command])
  await head.waitForLine(/^[abc]\tr\t1\t[abc]$/)
  // What comes next finds the pipe closed.
  await publish(t, port, 'd', '-m', 'd')
  await publish(t, port, 'e', '-m', 'e')
  assert.deepEqual(await head.expectEnd(), { code: 0, signal: null })
  assert.deepEqual(head.stderr, [])
})

test('cli section 4: tap exits 2 for wrong usage, 4 when it is not let in, 6 without a broker', async t => {
  const { port } = await startBroker(t, { config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous false\n` })
  const outcome = async (...args: readonly string[]) => {
    const tap = startProgram(t, castellanProgram, ['tap', ...args])
    const { code } = await tap.expectEnd()
    return { code, said: tap.stderr.join('\n') }
  }
  const closed = await outcome('-p', String(port))
  assert.deepEqual([closed.code, /the broker does not let us in \(code 135\)/.test(closed.said)], [4, true])
  const away = await outcome('-p', String(await freePort()))
  assert.deepEqual([away.code, /castellan tap: Connection refused/.test(away.said)], [6, true])
  for (const [args, complaint] of [
    [['--bogus'], "Unknown option '--bogus'"],
    [['-t'], '-t needs a topic filter behind it'],
    [['-C', '0'], "--count '0' is no number from 1 to"],
    [['mqtt://a', 'mqtt://b'], 'one URL is all it takes'],
    [['ftp://user:secret@a'], 'A URL has to be mqtt://'],
    [['-f', 'x'], 'are options of castellan ctl alone'],
  ] as const) {
    const { code, said } = await outcome(...args)
    assert.deepEqual([code, said.includes(complaint), said.includes('secret')], [2, true, false], said)
  }
})
