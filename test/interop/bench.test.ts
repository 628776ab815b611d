// `castellan bench` at a small scale, against both brokers: what it counts is what there was.

import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { both, castellanProgram, startEither } from '../support/broker-process.ts'
import { startSubscriber } from '../support/clients.ts'
import { freePort } from '../support/free-port.ts'
import { startProgram } from '../support/line-process.ts'
import { Terminal } from '../support/terminal.ts'

interface Figures {
  readonly published: number
  readonly delivered: number
  readonly expected: number
  readonly lost: number
  readonly duplicates: number
  readonly outOfOrder: number
  readonly refused: number
  readonly latencyMicroseconds: Readonly<Record<'p50' | 'p99' | 'p999' | 'max', number>> | null
}

async function bench(t: TestContext, ...args: readonly string[]) {
  const program = startProgram(t, castellanProgram, ['bench', ...args])
  program.write('', true)
  const { code } = await program.expectEnd()
  const figures = () => JSON.parse(program.stdout.join('')) as Figures
  return { code, figures, stdout: program.stdout.join('\n'), stderr: program.stderr.join('\n') }
}

const config = ({ port }: { port: number }) => `listener ${port} 127.0.0.1\nallow_anonymous true\n`
const small = ['--duration', '1', '--rate', '300', '-o', 'json']

for (const broker of both) {
  test(`cli section 2: at each QoS and version every message arrives once, in order (${broker})`, async t => {
    const { port } = await startEither(t, broker, { config })
    for (const [qos, version] of [
      ['0', '5'],
      ['1', '311'],
      ['2', '5'],
    ] as const) {
      const many = ['--publishers', '3', '--subscribers', '2', '--topics', '5']
      const { code, figures, stderr } = await bench(t, '-p', String(port), '-q', qos, '-V', version, ...many, ...small)
      assert.equal(code, 0, stderr)
      const { published, delivered, expected, lost, duplicates, outOfOrder, latencyMicroseconds } = figures()
      assert.ok(published >= 3, `${published} messages`)
      assert.deepEqual([delivered, expected], [published * 2, published * 2])
      assert.deepEqual([lost, duplicates, outOfOrder], [0, 0, 0])
      const { p50, p99, p999, max } = latencyMicroseconds ?? { p50: 0, p99: 0, p999: 0, max: 0 }
      assert.ok(p50 > 0 && p50 <= p99 && p99 <= p999 && p999 <= max)
    }
  })
}

test('cli section 2: what is published is what others hear: topic by prefix, size, QoS', async t => {
  const { port } = await startEither(t, 'castellan', { config })
  const heard = await startSubscriber(t, ['-p', String(port), '-t', 'load/#', '-q', '2', '-F', '%t %l %q', '-C', '4'])
  const asked = ['--prefix', 'load', '--topics', '2', '--size', '77', '-q', '1', '--subscribers', '0']
  const { code, figures } = await bench(t, '-p', String(port), ...asked, ...small)
  assert.equal(code, 0)
  assert.deepEqual([figures().expected, figures().latencyMicroseconds], [0, null])
  await heard.expectEnd()
  const lines = heard.stdout.filter(line => line.startsWith('load/'))
  assert.deepEqual(lines, ['load/0 77 1', 'load/1 77 1', 'load/0 77 1', 'load/1 77 1'])
})

test('cli section 2: where rules let nothing through that is said, at QoS 0 too, and the end is no success', async t => {
  const rules = '# nothing for anybody\n'
  const files = { 'rules.acl': rules }
  const { port } = await startEither(t, 'castellan', { config: place => `${config(place)}acl_file rules.acl\n`, files })
  const { code, figures, stderr } = await bench(t, '-p', String(port), ...small)
  assert.deepEqual([code, figures().delivered], [7, 0])
  assert.match(
    stderr,
    /nothing arrived; do the broker's rules let this user publish and read below 'castellan-bench\/'\?/,
  )
})

test('cli section 2: without a rate it sends as much as goes; a table for people, seconds on standard error', async t => {
  const { port } = await startEither(t, 'castellan', { config })
  const { code, stdout, stderr } = await bench(t, '-p', String(port), '--duration', '1')
  assert.equal(code, 0)
  assert.match(stdout, /^published {5}\d+, \d+ a second\ndelivered {5}\d+, \d+ a second, to 1\nlost {10}0\n/)
  assert.match(stdout, /\nlatency {7}p50 [\d.]+ {2}p99 [\d.]+ {2}p99\.9 [\d.]+ {2}most [\d.]+ ms$/)
  assert.match(stderr, /^1\/1$/m)
})

test('cli section 4: messages of QoS 1 that the broker refuses are told, and not called lost', async t => {
  const rules = { acl: 'topic read #\n' }
  const { port } = await startEither(t, 'castellan', {
    config: ({ port, dir }) => `${config({ port })}acl_file ${dir}/acl\n`,
    files: rules,
  } as Parameters<typeof startEither>[2])
  const { code, figures } = await bench(t, '-p', String(port), '-q', '1', ...small)
  assert.equal(code, 0)
  assert.ok(figures().published > 0)
  assert.deepEqual([figures().refused, figures().lost, figures().delivered], [figures().published, 0, 0])
})

test('a broker on another machine is not loaded before somebody has agreed', async t => {
  const { code, stderr } = await bench(t, 'mqtts://192.0.2.1:1')
  assert.equal(code, 4)
  assert.match(
    stderr,
    /192\.0\.2\.1:1 is not on this machine, and nobody is here to be asked; --yes if it may be loaded/,
  )
})

test('on a terminal somebody is asked, and whoever does not say yes has sent nothing', async t => {
  const terminal = new Terminal(t, `${castellanProgram} bench mqtts://192.0.2.1:1`)
  await terminal.expect(/192\.0\.2\.1:1 is not on this machine\. Load it\? \[y\/N\] /)
  terminal.type('n\r')
  await terminal.expect(/castellan bench: 192\.0\.2\.1:1 is left alone/)
  assert.equal(await terminal.end(), 4)
})

test('cli section 4: bench exits 2 for wrong usage, 4 when it is not let in, 6 without a broker', async t => {
  const { port } = await startEither(t, 'castellan', {
    config: ({ port }) => `listener ${port} 127.0.0.1\nallow_anonymous false\n`,
  })
  const closed = await bench(t, '-p', String(port))
  assert.deepEqual([closed.code, /does not let us in \(reason code 0x87\)/.test(closed.stderr)], [4, true])
  assert.equal((await bench(t, '-p', String(await freePort()))).code, 6)
  for (const [args, complaint] of [
    [['--size', '15'], "--size '15' is no number from 16 to"],
    [['--duration', '0'], "--duration '0' is no number from 1 to 3600"],
    [['--publishers', '1e3'], "--publishers '1e3' is no number"],
    [['--prefix', 'a/#'], "--prefix 'a/#' is no beginning of a topic"],
    [['-o', 'xml'], "-o 'xml' is no format; it is json"],
    [['--rate'], '--rate needs a number behind it'],
  ] as const) {
    const { code, stderr } = await bench(t, ...args)
    assert.deepEqual([code, stderr.includes(complaint)], [2, true], stderr)
  }
})
