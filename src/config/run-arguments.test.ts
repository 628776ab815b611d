import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRunArguments } from './run-arguments.ts'

const none = { configFile: undefined, daemon: false, ports: [], verbosity: undefined, testConfig: false }

const accepted: [string, object][] = [
  ['', none],
  ['-c a.conf', { ...none, configFile: 'a.conf' }],
  ['--config-file a.conf', { ...none, configFile: 'a.conf' }],
  ['-d', { ...none, daemon: true }],
  ['--daemon', { ...none, daemon: true }],
  ['-p 1884 --port 1885', { ...none, ports: [1884, 1885] }],
  ['-p 1x', { ...none, ports: [1] }],
  ['-v', { ...none, verbosity: 'verbose' }],
  ['--quiet', { ...none, verbosity: 'quiet' }],
  ['-q -v', { ...none, verbosity: 'quiet' }],
  ['--test-config -c a.conf', { ...none, configFile: 'a.conf', testConfig: true }],
]

for (const [line, expected] of accepted) {
  test(`mosquitto-conf 1 CLI: \`${line}\` is understood`, () => {
    assert.deepEqual(parseRunArguments(words(line)), { command: 'run', arguments: expected })
  })
}

for (const [line, command] of [
  ['-h', 'help'],
  ['--help', 'help'],
  ['-v --version', 'version'],
] as const) {
  test(`mosquitto-conf 1 CLI: \`${line}\` asks for the ${command}`, () => {
    assert.deepEqual(parseRunArguments(words(line)), { command })
  })
}

const refused: [string, string][] = [
  ['-c', 'Error: -c argument given, but no config file specified.'],
  ['-p', 'Error: -p argument given, but no port specified.'],
  ['-p 0', 'Error: Invalid port specified (0).'],
  ['-p abc', 'Error: Invalid port specified (abc).'], // Mosquitto says 0, which nobody typed
  ['-p 65536', 'Error: Invalid port specified (65536).'],
  [
    '-p 1 -p 2 -p 3 -p 4 -p 5 -p 6 -p 7 -p 8 -p 9 -p 10 -p 11',
    'Error: Only 10 ports can be specified on the command line.',
  ],
  ['--tls-keylog', 'Error: --tls-keylog argument given, but no file specified.'],
  ['--test-config', 'Please provide a configuration file to test.'],
]

for (const [line, message] of refused) {
  test(`mosquitto-conf 1 CLI: \`${line}\` is refused`, () => {
    assert.deepEqual(parseRunArguments(words(line)), { command: 'refuse', message, showUsage: false })
  })
}

test('mosquitto-conf 1 CLI: an unknown option is named, and the usage shown', () => {
  const message = "Error: Unknown option '--bogus\\x1b'."
  assert.deepEqual(parseRunArguments(['--bogus\x1b']), { command: 'refuse', message, showUsage: true })
})

test('mosquitto-conf 1 CLI: an option that is nearly one brings that one to mind', () => {
  for (const [typed, meant] of [
    ['--conf', '--config-file'],
    ['--test-confg', '--test-config'],
  ] as const) {
    const message = `Error: Unknown option '${typed}'. Did you mean '${meant}'?`
    assert.deepEqual(parseRunArguments([typed]), { command: 'refuse', message, showUsage: true })
  }
})

function words(line: string): string[] {
  return line.split(' ').filter(word => word !== '')
}
