// `castellan up` as a newcomer meets it: the program itself, and the two printed lines pasted into a shell with Debian's
// clients.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { awaitRecord } from '../support/audit.ts'
import { freePort } from '../support/free-port.ts'
import { type LineProcess, runProgram, startProgram } from '../support/line-process.ts'

const castellan = resolve(import.meta.dirname, '../../bin/castellan')

interface Up {
  readonly program: LineProcess
  readonly sub: string
  readonly pub: string
  readonly localPort: number
  /** Where it was started. */
  readonly dir: string
  /** The same command in the same directory once more. */
  readonly again: () => LineProcess
}

async function startUp(t: TestContext): Promise<Up> {
  const cwd = mkdtempSync(join(tmpdir(), 'castellan-up-'))
  t.after(() => rmSync(cwd, { recursive: true, force: true }))
  const localPort = await freePort()
  const ports = ['--port', String(await freePort()), '--local-port', String(localPort)]
  const again = () => startProgram(t, castellan, ['up', ...ports], { cwd })
  const program = again()
  const [sub] = await program.waitForLine(/^mosquitto_sub .*/)
  const [pub] = await program.waitForLine(/^mosquitto_pub .*/)
  return { program, sub, pub, localPort, dir: cwd, again }
}

test('the two printed lines, as printed, deliver a message over mutual TLS', async t => {
  const { program, sub, pub } = await startUp(t)
  // Nobody else's words are added to the lines; the subscriber is known to be ready by the broker's log.
  const subscriber = startProgram(t, 'sh', ['-c', `exec stdbuf -oL ${sub}`])
  await program.waitForLine(/New client connected from .* u'admin'\)/)
  const deadline = Date.now() + 10_000
  let delivered = false
  while (!delivered && Date.now() < deadline) {
    const { code } = await (await runProgram(t, 'sh', ['-c', pub])).exit()
    assert.equal(code, 0)
    delivered = subscriber.stdout.includes('devices/device-1/hello hello')
  }
  assert.ok(delivered)
})

test('without certificate nobody gets in, on the loopback listener nobody without a password', async t => {
  const { sub, localPort } = await startUp(t)
  const bare = sub.replace(/ --cert \S+ --key \S+/, '')
  const refused = await (await runProgram(t, 'sh', ['-c', `${bare} -W 5`])).exit()
  assert.notEqual(refused.code, 0)
  const anonymous = await runProgram(t, 'mosquitto_pub', [
    '-h',
    '127.0.0.1',
    '-p',
    String(localPort),
    '-t',
    'a',
    '-m',
    'b',
  ])
  assert.equal((await anonymous.exit()).code, 5)
  assert.match(anonymous.stderr.join('\n'), /not authorised/)
})

test('castellan up keeps an audit: who came, with which certificate, and who was refused', async t => {
  const { program, pub, dir } = await startUp(t)
  assert.equal((await (await runProgram(t, 'sh', ['-c', pub])).exit()).code, 0)
  const path = join(dir, 'castellan-data', 'audit.jsonl')
  const login = await awaitRecord(path, ({ kind }) => kind === 'login')
  const { username, certificate } = Object(login.who)
  assert.equal(username, 'device-1')
  assert.match(certificate.fingerprint, /^[0-9a-f]{64}$/)
  await runProgram(t, 'sh', ['-c', pub.replace(/ --cert \S+ --key \S+/, '')])
  const refusal = await awaitRecord(path, ({ kind }) => kind === 'refusal')
  assert.equal(refusal.what?.['rule'], 'no certificate shown')
  await program.stop()
  const verified = await runProgram(t, castellan, ['audit', 'verify', path])
  assert.equal((await verified.exit()).code, 0)
  assert.match(verified.stdout.join('\n'), /^whole: \d+ records/)
})

test('a device reaches its own topics and no others', async t => {
  const { program, sub, pub } = await startUp(t)
  const subscriber = startProgram(t, 'sh', ['-c', `exec stdbuf -oL ${sub.replace("'devices/#'", "'#'")}`])
  await program.waitForLine(/New client connected from .* u'admin'\)/)
  const foreign = pub.replace('devices/device-1/hello', 'devices/device-2/hello')
  // QoS 1, so that the foreign message is answered before the own one is sent.
  for (let round = 0; round < 5 && subscriber.stdout.length === 0; round++) {
    await runProgram(t, 'sh', ['-c', `${foreign} -q 1`])
    await runProgram(t, 'sh', ['-c', `${pub} -q 1`])
  }
  await subscriber.waitForLine(/^devices\/device-1\/hello hello$/)
  assert.ok(!subscriber.stdout.some(line => line.startsWith('devices/device-2')))
})

test('what was acknowledged is there after the broker was killed and started by the same command', async t => {
  const { program, sub, pub, again } = await startUp(t)
  assert.equal((await (await runProgram(t, 'sh', ['-c', `${pub} -q 1 -r`])).exit()).code, 0)
  program.signal('SIGKILL')
  await program.exit()
  await again().waitForLine(/castellan version .* running/)
  const subscriber = await runProgram(t, 'sh', ['-c', `${sub} -C 1 -W 20`])
  assert.deepEqual(subscriber.stdout, ['devices/device-1/hello hello'])
})
