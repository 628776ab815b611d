import assert from 'node:assert/strict'
import test from 'node:test'
import { benchHelp, parseBenchArguments, selectNames } from './arguments.ts'
import { scenarios } from './scenarios.ts'

const run = (...args: string[]) => {
  const parsed = parseBenchArguments(args)
  assert.ok(parsed.action === 'run')
  return parsed
}

const refused = (args: readonly string[], message: RegExp) =>
  assert.throws(() => parseBenchArguments(args), { code: 'ERR_BENCH', message })

test('without arguments everything is measured three times, with password and access control list', () => {
  assert.deepEqual(run(), {
    action: 'run',
    only: undefined,
    rounds: 3,
    otherRounds: 1,
    seconds: 1,
    accesses: ['acl'],
    json: undefined,
    peers: [],
    without: [],
    quick: false,
    keep: false,
  })
})

test('--quick is one short round, unless another number is given', () => {
  assert.deepEqual([run('--quick').rounds, run('--quick').seconds], [1, 1])
  assert.deepEqual([run('--quick', '--rounds', '2').rounds, run('--quick', '--seconds', '0.5').seconds], [2, 0.5])
})

test('brokers other than Castellan and Mosquitto have one round, unless a number is given', () => {
  assert.deepEqual([run().rounds, run().otherRounds], [3, 1])
  assert.deepEqual([run('--rounds', '3').rounds, run('--rounds', '3').otherRounds], [3, 3])
})

test('--config chooses one of two, or both', () => {
  assert.deepEqual(run('--config', 'both').accesses, ['anonymous', 'acl'])
  assert.deepEqual(run('--config', 'anonymous').accesses, ['anonymous'])
  refused(['--config', 'none'], /^--config 'none' is unknown; it is one of anonymous, acl, both$/)
})

test('--peer is a name and a command line with a place for the port', () => {
  assert.deepEqual(run('--peer', 'mine=/opt/b -p {port}', '--peer', 'its=b -c {conf} "a=b"').peers, [
    { name: 'mine', command: '/opt/b -p {port}' },
    { name: 'its', command: 'b -c {conf} "a=b"' },
  ])
  refused(['--peer', '/opt/b -p {port}'], /is not NAME=COMMAND/)
  refused(['--peer', 'mine='], /is not NAME=COMMAND/)
  refused(['--peer', 'mine=/opt/b'], /^--peer 'mine' has neither \{port\} nor \{conf\}/)
  refused(['--peer', 'aedes=/opt/b {port}'], /^two brokers are named 'aedes'/)
})

test('--without leaves out a peer, and never ourselves', () => {
  assert.deepEqual(run('--without', 'aedes', '--without', 'mosquitto').without, ['aedes', 'mosquitto'])
  refused(['--without', 'castellan'], /^--without 'castellan' names none of mosquitto, aedes$/)
})

test('--compare takes two files', () => {
  assert.deepEqual(parseBenchArguments(['--compare', 'a.json', 'b.json']), {
    action: 'compare',
    before: 'a.json',
    after: 'b.json',
  })
  refused(['--compare', 'a.json'], /^--compare takes two files, not 1/)
  refused(['--compare', 'a', 'b', 'c'], /^--compare takes two files, not 3/)
})

test('what is unknown or out of range is refused, with what would have been right', () => {
  refused(['--fast'], /^Unknown option '--fast'; --help shows what there is$/)
  refused(['pairs-q0'], /^unexpected argument 'pairs-q0'/)
  refused(['--rounds', '0'], /^--rounds '0' is out of range; it is a whole number from 1 to 99$/)
  refused(['--rounds', '1.5'], /^--rounds '1.5' is out of range/)
  refused(['--seconds', 'many'], /^--seconds 'many' is out of range; it is a number from 0.2 to 600$/)
})

test('--only takes names and globs, separated by commas or repeated', () => {
  assert.deepEqual(run('--only', 'a,b', '--only', 'c*').only, ['a', 'b', 'c*'])
  const known = ['pairs-q0', 'pairs-q1', 'wide']
  assert.deepEqual(selectNames(['wide', 'pairs-*'], known), known)
  assert.deepEqual(selectNames(['pairs-q0'], ['pairs-q0', 'pairs-q0-1k']), ['pairs-q0'])
  assert.deepEqual(selectNames(undefined, known), known)
})

test('--only with an empty list is refused, an empty name beside others is not', () => {
  refused(['--only', ','], /^--only ',' names no scenario; --list names them all$/)
  refused(['--only', 'wide', '--only', ''], /^--only '' names no scenario/)
  assert.deepEqual(run('--only', 'wide,').only, ['wide'])
})

test('--only refuses a name that fits nothing, and knows the one that was meant', () => {
  const message = /^no scenario is named 'pairs-q9'; did you mean 'pairs-q0'$/
  assert.throws(() => selectNames(['wide', 'pairs-q9'], ['pairs-q0', 'wide']), { code: 'ERR_BENCH', message })
  assert.throws(() => selectNames(['x*'], ['wide']), { message: /--list names them all$/ })
})

test('the help page names every option, and asking for it beats all else', () => {
  for (const option of [
    'only',
    'rounds',
    'seconds',
    'config',
    'peer',
    'without',
    'json',
    'keep',
    'quick',
    'compare',
    'list',
  ])
    assert.match(benchHelp, new RegExp(`^ {2}--${option}\\b`, 'm'))
  assert.deepEqual(parseBenchArguments(['--help', '--list']), { action: 'help' })
  assert.deepEqual(parseBenchArguments(['--list']), { action: 'list' })
})

test('no two scenarios have one name, and a family is no scenario', () => {
  const names = scenarios.map(({ name }) => name)
  assert.equal(new Set(names).size, names.length)
  assert.deepEqual(
    scenarios.filter(({ family }) => family !== undefined && names.includes(family)),
    [],
  )
})
