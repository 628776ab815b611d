import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admitsOrigin, originList } from './websocket-origin.ts'

const listed = (...values: readonly string[]) =>
  values.reduce<readonly string[] | undefined>(
    (previous, value) => originList().parse(value, 'websockets_origin', previous, () => {}),
    undefined,
  )

const home = listed('https://Home.example', 'http://10.0.0.7:8080', 'capacitor://localhost')
const cases: readonly (readonly [
  header: string | undefined,
  allowed: readonly string[] | undefined,
  ambient: boolean,
  admitted: boolean,
])[] = [
  ['https://home.example', home, true, true],
  ['https://HOME.example:443', home, true, true],
  ['http://10.0.0.7:8080', home, false, true],
  ['capacitor://localhost', home, false, true],
  // Mosquitto compares as many characters as came: a beginning of the allowed value passes there.
  ['https://home.exampl', home, false, false],
  ['h', home, false, false],
  ['', home, false, false],
  ['https://home.example.attacker.test', home, false, false],
  ['https://home.example/', home, false, false],
  ['http://home.example', home, false, false],
  ['https://home.example:8443', home, false, false],
  ['https://home.example, https://home.example', home, false, false],
  ['null', home, false, false],
  ['null', listed('*'), true, true],
  ['https://anybody.test', listed('*'), true, true],
  ['https://anybody.test', undefined, false, true],
  ['https://anybody.test', undefined, true, false],
  ['null', undefined, true, false],
  [undefined, home, true, true],
  [undefined, undefined, true, true],
]

for (const [header, allowed, ambient, admitted] of cases) {
  const rules = allowed === undefined ? 'nothing is listed' : `${allowed.join(' ')} is listed`
  const where = ambient ? ' and certificates are asked for' : ''
  test(`websockets_origin: ${header ?? 'no origin'} ${admitted ? 'may' : 'may not'} where ${rules}${where}`, () => {
    assert.equal(admitsOrigin(header, allowed, ambient), admitted)
  })
}

for (const value of [
  'example.org',
  'https://',
  'https://a/path',
  'https://a b',
  'null',
  'https://user@a',
  'https://a?',
]) {
  test(`websockets_origin ${value}: no browser sends such an origin, so it is refused`, () => {
    assert.throws(() => listed(value), { code: 'ERR_CONFIG_VALUE' })
  })
}
