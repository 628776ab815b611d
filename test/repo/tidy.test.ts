// The habits of this repository, as code: words that have a better replacement, files that grew, traces of one machine.

import assert from 'node:assert/strict'
import test from 'node:test'
import { read, repositoryFiles, sourceFiles, withoutComments } from './source-files.ts'

interface BannedWord {
  readonly pattern: RegExp
  readonly instead: string
  /** Files or folders where it is at home. */
  readonly allowed?: readonly string[]
  readonly example: string
}

const banned: readonly BannedWord[] = [
  { pattern: /\bMath\.random\b/, instead: 'randomBytes of node:crypto', example: 'Math.random()' },
  {
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.(now|timeOrigin)\b/,
    instead: 'the Clock that is handed in',
    allowed: ['src/base/clock.ts'],
    example: 'const now = Date.now()',
  },
  { pattern: /\bconsole\./, instead: 'the Log, or the Io that a command is given', example: 'console.log(1)' },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    instead: 'the timer wheel of base/, driven by server/',
    // The trial of raw sockets is over before anything that the wheel drives.
    allowed: ['src/server/', 'src/net/raw-check.ts'],
    example: 'setTimeout(close, 1000)',
  },
  {
    pattern: /\bas (Principal|Permitted)\b|\bprovePrincipal\b|\bwithCertificate\b/,
    instead: 'a decision of auth/: nobody else says who somebody is or what they may do',
    allowed: ['src/auth/'],
    example: 'return message as Permitted<Publish>',
  },
  {
    pattern: /\bpermitOwn\b/,
    instead: "the client's own permission: this one is for what the broker itself says",
    allowed: ['src/auth/', 'src/broker/broker.ts'],
    example: 'routeMessage(broker, permitOwn(message))',
  },
  {
    pattern: /\brejectUnauthorized: false\b/,
    instead: "a check of the chain that fails closed, in net/'s TLS acceptor",
    // The doctor says what is wrong with a chain, and sends nothing over the connection.
    allowed: ['src/net/', 'src/doctor/'],
    example: 'connect({ rejectUnauthorized: false })',
  },
  { pattern: /\beval\(|\bnew Function\(/, instead: 'code', example: 'eval(text)' },
]

for (const { pattern, instead, allowed = [], example } of banned) {
  test(`no ${pattern.source} in src${allowed.length > 0 ? ` but in ${allowed.join(', ')}` : ''}: use ${instead}`, () => {
    assert.match(example, pattern)
    const places = sourceFiles()
      .filter(path => !allowed.some(place => path.startsWith(place)))
      .filter(path => pattern.test(withoutComments(read(path))))
    assert.deepEqual(places, [])
  })
}

test('a TODO names the thread it belongs to, and nothing else is left for later', () => {
  assert.deepEqual(
    codeFiles().filter(path => /\b(FIXME|XXX|HACK)\b|\bTODO\b(?!\(#\d+\))/.test(read(path)) && path !== thisFile),
    [],
  )
})

test('each file of src opens with its job', () => {
  assert.deepEqual(
    sourceFiles().filter(path => !/^(#!.*\n)?\/\/ \S/.test(read(path))),
    [],
  )
})

test('a file over 500 lines says in its first line why it is still one idea', () => {
  const long = codeFiles().filter(path => lines(path) > 500)
  assert.deepEqual(
    long.filter(path => !/^\/\/.*(one idea|table)/i.test(read(path))),
    [],
  )
})

test('nine files of src in ten are under 350 lines', () => {
  const long = sourceFiles().filter(path => lines(path) >= 350)
  assert.ok(long.length <= sourceFiles().length / 10, `too many long files: ${long.join(', ')}`)
})

test('nothing tells on which machine, or from which registry, it was made', () => {
  const trace = /(?<![\w.~-])\/work\/|(?<![\w.~-])\/home\/\w|npmjs\.|https?:\/\/[^\s'"`]*(registry|mirror|artifact)/
  assert.match(['see /wo', 'rk/main'].join(''), trace)
  assert.doesNotMatch('/etc/network/interfaces and ../work/x', trace)
  assert.deepEqual(
    repositoryFiles().filter(path => trace.test(read(path)) && path !== thisFile),
    [],
  )
})

const thisFile = 'test/repo/tidy.test.ts'

function codeFiles(): string[] {
  return repositoryFiles().filter(path => /\.(ts|tsx|js|py)$|^bin\//.test(path))
}

function lines(path: string): number {
  return read(path).split('\n').length - 1
}
