// packaging/: the service unit, the account, the image. What cannot be built here is held against the repository.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { parseUpArguments } from '../../src/cli/up/arguments.ts'
import { castellanProgram } from '../support/broker-process.ts'
import { runProgram } from '../support/line-process.ts'
import { read, repository } from './source-files.ts'

const unit = read('packaging/systemd/castellan.service')
const dockerfile = read('packaging/container/Dockerfile')
const healthcheck = 'packaging/container/healthcheck.mjs'

function has(command: string): boolean {
  return spawnSync(command, ['--version']).error === undefined
}

/** The values of a setting of the unit. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

test('systemd finds no mistake in the unit, and little that it leaves open', {
  skip: !has('systemd-analyze') && 'no systemd-analyze here',
}, t => {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-unit-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'castellan.service')
  // Neither the program nor the account is installed here.
  writeFileSync(
    file,
    unit.replace('ExecStart=castellan', `ExecStart=${castellanProgram}`).replaceAll('=castellan\n', '=root\n'),
  )
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' })
  const ours = verified.stderr.split('\n').filter(line => line.includes('castellan'))
  assert.deepEqual([verified.status, ours], [0, []])
  const judged = spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=30', file], {
    encoding: 'utf8',
  })
  assert.equal(judged.status, 0, judged.stdout + judged.stderr)
})

test('what the unit runs is a command line that the program takes, and the same as in /etc/default', () => {
  const [, given = ''] = /^Environment="CASTELLAN_ARGS=(.*)"$/m.exec(unit) ?? []
  const [verb, ...args] = given.split(' ')
  assert.equal(verb, 'up')
  // What `castellan up` makes is moved into its place: only inside of what belongs to the account, and is no mount point itself.
  assert.equal(dirname(parseUpArguments(args, '/').dir), '/var/lib/castellan')
  assert.deepEqual(settings('StateDirectory'), ['castellan'])
  assert.match(read('packaging/default/castellan'), new RegExp(`^CASTELLAN_ARGS="${given}"$`, 'm'))
})

test('the account of the unit is the one that systemd-sysusers makes, and its directories are its own', () => {
  assert.deepEqual([settings('User'), settings('Group')], [['castellan'], ['castellan']])
  assert.match(read('packaging/systemd/castellan.sysusers'), /^u castellan - "[^"]+" \/var\/lib\/castellan$/m)
  for (const line of [
    /^d \/etc\/castellan +0750 root +castellan -$/m,
    /^d \/var\/lib\/castellan 0700 castellan castellan -$/m,
  ]) {
    assert.match(read('packaging/systemd/castellan.tmpfiles'), line)
  }
})

test('everything that the image copies is in the repository, and is sent to be built', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  )
  assert.ok(copied.length > 8)
  const sent = read('.dockerignore')
    .split('\n')
    .filter(line => line.startsWith('!'))
    .map(line => line.slice(1))
  for (const path of copied) {
    assert.ok(existsSync(join(repository, path)), path)
    assert.ok(
      sent.some(known => path === known || path.startsWith(`${known}/`)),
      `${path} is not sent`,
    )
  }
})

test('the image runs as an account of its own, on a Node that we support, with a volume for what it keeps', () => {
  const stages = dockerfile.split(/^FROM /m).slice(1)
  assert.equal(stages.length, 2)
  for (const stage of stages) assert.match(stage, /^node:24-slim( AS \w+)?\n/)
  const image = stages.at(-1) ?? ''
  assert.match(image, /^USER castellan$/m)
  assert.ok(image.indexOf('\nUSER ') < image.indexOf('\nENTRYPOINT '))
  assert.doesNotMatch(image, /^(ADD|RUN npm|ENV .*(PASSWORD|SECRET))/m)
  assert.match(image, /^VOLUME \/var\/lib\/castellan$/m)
})

test('the command line of the image is one that the program takes; its ports are the ones that are named', () => {
  const [, json = ''] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? []
  const [verb, ...args] = JSON.parse(json) as string[]
  assert.equal(verb, 'up')
  const { dir, port = 8883, metricsPort } = parseUpArguments(args, '/')
  assert.equal(dirname(dir), '/var/lib/castellan')
  assert.deepEqual(
    [...dockerfile.matchAll(/^EXPOSE (\d+)$/gm)].map(([, exposed]) => Number(exposed)),
    [port],
  )
  assert.match(read(healthcheck), new RegExp(`'${metricsPort}'`))
  const [, check = ''] = /^HEALTHCHECK .*CMD (\[.*\])$/m.exec(dockerfile) ?? []
  assert.match(dockerfile, new RegExp(`^COPY ${healthcheck} ${(JSON.parse(check) as string[]).at(-1)}$`, 'm'))
})

test('the health check of the image asks /healthz, and fails for 503 and for no answer', async t => {
  const answers: number[] = [200, 503]
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    response.writeHead(answers.shift() ?? 500).end()
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const check = async () => {
    const env = { CASTELLAN_METRICS_PORT: String(port) }
    return (await (await runProgram(t, process.execPath, [join(repository, healthcheck)], { env })).exit()).code
  }
  assert.deepEqual([await check(), await check()], [0, 1])
  assert.deepEqual(asked, ['/healthz', '/healthz'])
  await new Promise(resolve => server.close(resolve))
  assert.equal(await check(), 1)
})
