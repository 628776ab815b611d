// What `npm pack` makes is what people install: it is built, complete, and runs without the sources, without a compiler and under
// an older Node.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { version } from '../../src/base/version.ts'
import { toolNames } from '../../src/cli/manual/help-pages.ts'
import { verbs } from '../../src/cli/verbs.ts'
import { freePort } from '../support/free-port.ts'
import { runProgram, startProgram } from '../support/line-process.ts'
import { repository, repositoryFiles } from './source-files.ts'

/** Bytes of the archive, and of what it holds. */
const packedLimit = 2_000_000
const unpackedLimit = 8_000_000

const directory = mkdtempSync(join(tmpdir(), 'castellan-package-'))
after(() => rmSync(directory, { recursive: true }))
const archive = pack()

test('the packed package is built, and runs from where it was unpacked', () => {
  const root = unpack()
  assert.equal(existsSync(join(root, 'src')), false, 'it runs what was built, not the sources')
  const program = join(root, 'bin/castellan')
  const told = spawnSync(program, ['--version'], { encoding: 'utf8' })
  assert.ok(told.stdout.startsWith(`castellan version ${version()}`), told.stderr)
  const file = join(directory, 'mosquitto.conf')
  writeFileSync(file, 'listener 1883\n')
  const good = spawnSync(program, ['run', '-c', file, '--test-config'], { encoding: 'utf8' })
  assert.equal(good.status, 0, good.stderr)
  writeFileSync(file, 'bogus 1\n')
  const bad = spawnSync(program, ['run', '-c', file, '--test-config'], { encoding: 'utf8' })
  assert.match(bad.stderr, /Unknown configuration variable 'bogus'/)
})

test('the package holds the program, its types, pages and units, and neither tests nor maps nor sources', () => {
  const listed = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n')
  const paths = listed.map(path => path.replace(/^package\//, ''))
  const places = [
    /^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/,
    /^bin\/castellan$/,
    /^dist\/[\w/-]+(\.js|\.d\.ts)$/,
    /^dist\/man\/castellan(-\w+)?\.1$|^dist\/man\/castellan\.conf\.5$/,
    /^docs\/[\w/-]+\.md$/,
    /^packaging\/(README\.md|systemd\/castellan\.\w+|default\/castellan|container\/(Dockerfile|healthcheck\.mjs))$/,
    /^examples\/[\w/-]+\.(ts|md)$/,
  ]
  assert.deepEqual(
    paths.filter(path => !places.some(place => place.test(path))),
    [],
  )
  assert.deepEqual(
    ['src', 'docs', 'examples']
      .flatMap(folder => globSync(`${folder}/**/*.{ts,md}`, { cwd: repository }))
      .filter(path => !path.endsWith('.test.ts'))
      .map(path => path.replace(/^src\/(.*)\.ts$/, 'dist/$1.js'))
      .filter(path => !paths.includes(path)),
    [],
    'every source is built, and every page and example is there',
  )
  for (const name of [...verbs.map(verb => verb.name), ...toolNames]) {
    assert.ok(paths.includes(`dist/man/castellan-${name}.1`), name)
  }
})

test('package.json names every manual page, for npm install -g', () => {
  const { man } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { man: string[] }
  const pages = [...verbs.map(verb => verb.name), ...toolNames].map(name => `castellan-${name}.1`)
  assert.deepEqual(
    man.toSorted(),
    ['castellan.1', 'castellan.conf.5', ...pages].map(page => `./dist/man/${page}`).toSorted(),
  )
})

test(`the package is at most ${packedLimit / 1e6} MB, and ${unpackedLimit / 1e6} MB unpacked`, () => {
  assert.ok(statSync(archive).size <= packedLimit, `it is ${statSync(archive).size} bytes`)
  const lines = execFileSync('tar', ['-tvzf', archive], { encoding: 'utf8' }).trim().split('\n')
  const bytes = lines.reduce((sum, line) => sum + Number(line.split(/\s+/)[2]), 0)
  assert.ok(bytes <= unpackedLimit, `it is ${bytes} bytes`)
})

test('installed in an empty directory, without a compiler and with Node 20, `castellan up` brings up a broker', async t => {
  const place = join(directory, 'empty')
  mkdirSync(place)
  const env = poorMachine()
  install(place, [])
  const data = join(place, 'data')
  const ports = ['--port', String(await freePort()), '--local-port', String(await freePort())]
  const program = join(place, 'node_modules/.bin/castellan')
  const broker = startProgram(t, program, ['up', '--dir', data, ...ports], { cwd: place, env })
  await broker.waitForLine(/castellan version \S+ running/)
  assert.deepEqual(await broker.stop(), { code: 0, signal: null })
})

test('installed in an empty directory, it is a library: an example runs as it stands in the repository', async t => {
  const place = join(directory, 'empty')
  cpSync(join(repository, 'examples/in-process.ts'), join(place, 'example.mts'))
  const example = await runProgram(t, process.execPath, ['example.mts'], { cwd: place })
  assert.deepEqual([example.ended, example.stderr], [{ code: 0, signal: null }, []])
  assert.deepEqual(example.stdout, ['room/1/temperature 21.5 (retained)', 'room/2/temperature 19.0'])
})

test('installed for all with npm install -g, the program is on PATH, and man finds its pages', () => {
  const prefix = join(directory, 'prefix')
  install(directory, ['--global', '--prefix', prefix])
  const told = spawnSync(join(prefix, 'bin/castellan'), ['--version'], { encoding: 'utf8', env: poorMachine() })
  assert.deepEqual([told.stdout, told.stderr], [`castellan version ${version()}\n`, ''])
  const page = readFileSync(join(prefix, 'share/man/man1/castellan-up.1'), 'utf8')
  assert.match(page, /^\.TH "CASTELLAN\\-UP" 1/)
  assert.ok(existsSync(join(prefix, 'share/man/man5/castellan.conf.5')))
})

/** Installs the archive as a user does; with whatever registry npm is told to use, and what its cache has first. */
function install(cwd: string, options: readonly string[]): void {
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const compilers = { CC: 'false', CXX: 'false' }
  execFileSync('npm', ['install', '--prefer-offline', ...quiet, ...options, archive], {
    cwd,
    env: { ...npmEnvironment(), ...compilers },
    stdio: 'pipe',
  })
}

/** An environment whose PATH has a Node that is too old, and else what every system has. */
function poorMachine(): Record<string, string> {
  const bin = join(directory, 'old')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'node'), '#!/bin/sh\necho v20.20.2\n')
  chmodSync(join(bin, 'node'), 0o755)
  return { PATH: `${bin}:/usr/bin:/bin`, HOME: directory }
}

/** Packs a copy, so that the checkout gets no `dist`: as a person does it, with the settings of this repository. @returns the archive */
function pack(): string {
  const checkout = join(directory, 'checkout')
  for (const path of repositoryFiles()) cpSync(join(repository, path), join(checkout, path))
  symlinkSync(join(repository, 'node_modules'), join(checkout, 'node_modules'))
  const cache = join(directory, 'cache')
  execFileSync('npm', ['pack', '--offline', '--silent', '--cache', cache, '--pack-destination', directory], {
    cwd: checkout,
    env: npmEnvironment(),
    stdio: 'pipe',
  })
  return join(directory, `castellan-${version()}.tgz`)
}

/**
 * What npm is to know: where it fetches from and what it keeps. `npm test` hands all its other settings down, too: that this
 * directory is the project, and how scripts are run.
 */
function npmEnvironment(): NodeJS.ProcessEnv {
  const fetching = /^npm_config_(registry|ca|cafile|cache|userconfig|globalconfig|proxy|https_proxy|noproxy)$/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || fetching.test(name)))
}

/** @returns the package's root, with what it depends on beside it */
function unpack(): string {
  const place = join(directory, 'unpacked')
  mkdirSync(place)
  execFileSync('tar', ['-xzf', archive, '-C', place])
  symlinkSync(join(repository, 'node_modules'), join(place, 'node_modules'))
  return join(place, 'package')
}
