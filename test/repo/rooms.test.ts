// Holds who may import whom, and that the protocol's rules stay free of sockets, files, timers and clocks.

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import test from 'node:test'
import { impureGlobals, impureModules, type Room, rooms } from './rooms.ts'
import { importsOf, read, repository, sourceFiles, withoutComments } from './source-files.ts'

test('every folder of src is a room of the table, and every room of the table exists', () => {
  assert.deepEqual(readdirSync(join(repository, 'src')).sort(), Object.keys(rooms).sort())
})

test('no room imports what its row does not allow', () => {
  assert.deepEqual(
    sourceFiles().flatMap(path => forbiddenImports(path, read(path))),
    [],
  )
})

test('the rules of the protocol use no clock, timer or chance of their own', () => {
  assert.deepEqual(
    sourceFiles().flatMap(path => forbiddenGlobals(path, read(path))),
    [],
  )
})

test('every source file is reached from the program: nothing lies about unused', () => {
  const reached = new Set<string>()
  const waiting = ['src/cli/main.ts', 'src/library/index.ts']
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path) || !existsSync(join(repository, path))) continue
    reached.add(path)
    for (const { specifier } of importsOf(read(path))) {
      if (specifier.startsWith('.')) waiting.push(normalize(join(dirname(path), specifier)))
    }
  }
  assert.deepEqual(
    sourceFiles().filter(path => !reached.has(path)),
    [],
  )
})

test('docs/architecture.md shows the table as it is', () => {
  const rows = [...read('docs/architecture.md').matchAll(/^\| `(\w+)` \|.*\| (.*) \|$/gm)]
  assert.deepEqual(rows.map(([, name]) => name).sort(), Object.keys(rooms).sort())
  for (const [, name = '', cell = ''] of rows) {
    const expected = rooms[name] as Room
    const types = [...cell.matchAll(/(\w+) \([^)]*\btypes\b[^)]*\)/g)].map(([, typed]) => typed)
    const [plain = '', exceptions = ''] = cell
      .replace(/\w+ \([^)]*\btypes\b[^)]*\)/g, '')
      .replace(/\([^)]*\)/g, '')
      .split(';')
    assert.deepEqual(wordsIn(plain), [...expected.imports].sort(), `what ${name} may import`)
    assert.deepEqual(types, expected.types ?? [], `whose types ${name} may import`)
    assert.deepEqual(wordsIn(exceptions), Object.keys(expected.only ?? {}), `what some files of ${name} may import`)
  }
})

test('the scanner sees planted violations, however they are written', () => {
  const planted: readonly (readonly [path: string, code: string, verdict: RegExp | undefined])[] = [
    ['src/mqtt/x.ts', "import { a } from '../broker/a.ts'", /mqtt may not import broker/],
    ['src/mqtt/x.ts', "import {\n  a,\n  b,\n} from '../broker/a.ts'", /mqtt may not import broker/],
    ['src/mqtt/packets/x.ts', "export * from '../../broker/a.ts'", /mqtt may not import broker/],
    ['src/mqtt/packets/x.ts', "import type { A } from '../packet.ts'", undefined],
    [
      'src/cli/x.ts',
      "const { runBroker } = await import('../server/run.ts')",
      /only ca\/serve\.ts, run\.ts, .* of cli may import server/,
    ],
    ['src/cli/run.ts', "const { runBroker } = await import('../server/run.ts')", undefined],
    ['src/broker/x.ts', "import type { Peer } from '../net/connection-handler.ts'", undefined],
    ['src/broker/x.ts', "import { type Peer, type Other } from '../net/connection-handler.ts'", undefined],
    ['src/broker/x.ts', "import { type Peer, listen } from '../net/listener.ts'", /broker may not import net/],
    ['src/session/x.ts', "import { readFileSync } from 'node:fs'", /session may not import node:fs/],
    ['src/session/x.ts', "import { setTimeout } from 'node:timers/promises'", /may not import node:timers\/promises/],
    ['src/session/x.ts', "import { Buffer } from 'node:buffer'", undefined],
    ['src/base/x.ts', "import 'reflect-metadata'", /base may not import reflect-metadata/],
    ['src/pki/x.ts', "import 'reflect-metadata'", undefined],
    ['src/base/x.ts', "import { a } from 'fs'", /base may not import fs/],
    ['src/base/x.ts', 'await import(name)', /import of a name that is only known at run time/],
    ['src/base/x.ts', "import { a } from '../../test/support/a.ts'", /base may not import test/],
  ]
  for (const [path, code, verdict] of planted) {
    const found = forbiddenImports(path, code).join()
    if (verdict === undefined) assert.equal(found, '', code)
    else assert.match(found, verdict, code)
  }
  assert.match(forbiddenGlobals('src/topic/x.ts', 'const now = Date.now()').join(), /Date\.now/)
  assert.deepEqual(forbiddenGlobals('src/topic/x.ts', '// never Date.now() here\nconst a = 1 // not Math.random'), [])
  assert.deepEqual(forbiddenGlobals('src/net/x.ts', 'setImmediate(drain)'), [])
})

function forbiddenImports(path: string, code: string): string[] {
  const name = roomOf(path)
  const atRunTime = /\bimport\((?!\s*')/.test(withoutComments(code))
  const found = atRunTime ? [`${path}: import of a name that is only known at run time`] : []
  for (const { specifier, typeOnly } of importsOf(code)) {
    const verdict = specifier.startsWith('.')
      ? roomVerdict(name, path, roomOf(normalize(join(dirname(path), specifier))), typeOnly)
      : moduleVerdict(name, specifier)
    if (verdict !== undefined) found.push(`${path}: ${verdict}`)
  }
  return found
}

function roomVerdict(name: string, path: string, imported: string, typeOnly: boolean): string | undefined {
  const room = rooms[name] as Room
  if (imported === name || room.imports.includes(imported)) return undefined
  if (typeOnly && room.types?.includes(imported)) return undefined
  const only = room.only?.[imported]
  if (only === undefined) return `${name} may not import ${imported}`
  return only.includes(path.split('/').slice(2).join('/'))
    ? undefined
    : `only ${only.join(', ')} of ${name} may import ${imported}`
}

function moduleVerdict(name: string, specifier: string): string | undefined {
  const room = rooms[name] as Room
  const builtIn = /^node:([a-z_]+)/.exec(specifier)?.[1]
  const allowed = builtIn === undefined ? room.packages?.includes(specifier) : !(room.pure && impure.has(builtIn))
  return allowed ? undefined : `${name} may not import ${specifier}`
}

const impure = new Set(impureModules)

function forbiddenGlobals(path: string, code: string): string[] {
  if (!rooms[roomOf(path)]?.pure) return []
  const used = impureGlobals.exec(withoutComments(code))?.[0]
  return used === undefined ? [] : [`${path}: ${used} belongs into a room that is not pure`]
}

/** `src/mqtt/packets/publish.ts` is in `mqtt`; a path outside src is in its first folder. */
function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'src' ? second : first
}

function wordsIn(cell: string): string[] {
  if (cell.includes('everything but client, doctor, library and cli'))
    return Object.keys(rooms)
      .filter(name => !/^(client|doctor|library|cli|server)$/.test(name))
      .sort()
  return [...cell.matchAll(/[a-z0-9]+/g)].flatMap(([word]) => (word in rooms ? [word] : [])).sort()
}
