// The package as a program gets it, built and without the sources: by `import`, by `require`, and by a compiler that looks into
// everything.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'

const repository = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'castellan-library-package-'))
const compiler = join(repository, 'node_modules/.bin/tsc')

before(() => {
  const place = join(directory, 'node_modules/castellan')
  mkdirSync(join(directory, 'node_modules/@types'), { recursive: true })
  mkdirSync(place)
  execFileSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', join(place, 'dist')], { cwd: repository })
  copyFileSync(join(repository, 'package.json'), join(place, 'package.json'))
  symlinkSync(join(repository, 'node_modules'), join(place, 'node_modules'))
  symlinkSync(join(repository, 'node_modules/@types/node'), join(directory, 'node_modules/@types/node'))
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
})

after(() => rmSync(directory, { recursive: true }))

function run(file: string): unknown {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { cwd: directory, encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('an example runs with the built package, and ends by itself', () => {
  cpSync(join(repository, 'examples/in-process.ts'), join(directory, 'in-process.ts'))
  const lines = 'room/1/temperature 21.5 (retained)\nroom/2/temperature 19.0\n'
  assert.deepEqual(run('in-process.ts'), { status: 0, stdout: lines, stderr: '' })
})

test('require works, too', () => {
  const program = `const { createBroker } = require('castellan')
createBroker().then(broker => broker.close()).then(() => process.stdout.write('closed'))
`
  writeFileSync(join(directory, 'program.cjs'), program)
  assert.deepEqual(run('program.cjs'), { status: 0, stdout: 'closed', stderr: '' })
})

test('nothing but the library can be imported', () => {
  writeFileSync(join(directory, 'inside.js'), "await import('castellan/dist/server/compose.js')\n")
  const { stderr } = run('inside.js') as { stderr: string }
  assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/)
})

test('the types lead to nothing that npm does not install with the package', () => {
  const dist = join(directory, 'node_modules/castellan/dist')
  const files = new Set([join(dist, 'library/index.d.ts')])
  const foreign: string[] = []
  for (const file of files) {
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom |\bimport\()['"]([^'"]+)['"]/g)) {
      if (name.startsWith('.')) files.add(join(dirname(file), name.replace(/\.[jt]s$/, '.d.ts')))
      else if (!name.startsWith('node:')) foreign.push(name)
    }
  }
  assert.deepEqual(foreign, [])
  assert.ok(files.size > 10)
})

test('the types are whole, for a compiler that skips none and has no types of a browser', () => {
  cpSync(join(repository, 'test/library/types.ts'), join(directory, 'types.ts'))
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2024',
    lib: ['esnext'],
    types: ['node'],
    strict: true,
    noEmit: true,
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.ts'] }))
  const { status, stdout } = spawnSync(compiler, ['-p', '.'], { cwd: directory, encoding: 'utf8' })
  assert.deepEqual([status, stdout], [0, ''])
})
