// Every option of Mosquitto 2.1 walked through: known under all its names, taken with what it may be, refused with Mosquitto's
// words where it may not, the same without a line; and what is otherwise stands on the page of deliberate differences.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import type { AnyOption } from '../../src/config/option.ts'
import { options } from '../../src/server/options.ts'
import { parseConfig } from '../../src/server/parse-config.ts'
import { bridgeOptions } from '../config-options/bridge.ts'
import { globalOptions } from '../config-options/global.ts'
import { listenerOptions } from '../config-options/listener.ts'
import { pluginOptions } from '../config-options/plugin.ts'
import type { SpecifiedOption } from '../config-options/specified.ts'
import { read } from './source-files.ts'

const specified: Readonly<Record<string, SpecifiedOption>> = {
  ...globalOptions,
  ...pluginOptions,
  ...listenerOptions,
  ...bridgeOptions,
}
const known: Readonly<Record<string, AnyOption>> = options
const pagePath = 'docs/deliberate-differences.md'

type List = 'refused' | 'default' | 'restart' | 'without effect'

/** The headings of the page, and what their tables list. */
const headings: Readonly<Record<string, List>> = {
  'Refused for good': 'refused',
  'Other defaults': 'default',
  'Changed by a restart only': 'restart',
  'Accepted, without effect': 'without effect',
}

/** The first cell of each row begins with the line, or the name alone. */
const lists = new Map<List, ReadonlySet<string>>(
  read(pagePath)
    .split(/^## /m)
    .flatMap(section => {
      const list = headings[section.split('\n', 1)[0] ?? '']
      const rows = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, line = '']) => line)
      return list === undefined ? [] : [[list, new Set(rows)] as const]
    }),
)

/** What a line of the option needs above it. */
const above: Readonly<Record<string, string>> = {
  global: '',
  security: '',
  directive: '',
  ignored: '',
  listener: 'listener 1883\n',
  'listener-only': 'listener 1883\n',
  'named-listener': 'plugin_load loaded /usr/lib/mosquitto_acl_file.so\nlistener 1883\n',
  bridge: 'listener 1883\nconnection b\naddress 127.0.0.1\ntopic #\n',
  plugin: 'plugin /usr/lib/mosquitto_dynamic_security.so\nplugin_opt_config_file d.json\n',
}

function place(name: string, { scope }: SpecifiedOption): string {
  if (name === 'address') return 'listener 1883\nconnection b\ntopic #\n'
  if (name === 'connection') return 'listener 1883\nconnection b\naddress 127.0.0.1\ntopic #\n'
  return above[scope] ?? ''
}

/** A connection needs more lines behind it. */
function behind(name: string, { with: more }: SpecifiedOption): string {
  return name === 'connection' ? 'address 127.0.0.1\ntopic #' : (more ?? '')
}

function outcome(text: string): readonly string[] {
  const files = {
    read: (path: string) => (path === 'conf' ? Buffer.from(text) : Buffer.from('')),
    list: (directory: string) => (directory === 'conf.d' ? ['a.conf'] : undefined),
  }
  try {
    parseConfig('conf', { files })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.lines
  }
}

function written(name: string): string {
  return name.replace('*', 'password_init_file')
}

for (const [name, option] of Object.entries(specified)) {
  test(`mosquitto-conf: ${name} is known, under all its names and with the same scope`, () => {
    assert.deepEqual([known[name]?.aliases ?? []].flat(), option.aliases ?? [])
    assert.equal(known[name]?.own, undefined)
    assert.equal(known[name]?.scope, option.scope)
  })

  for (const spelling of [name, ...(option.aliases ?? [])]) {
    for (const value of option.valid) {
      const refused = isNamed('refused', `${name} ${value}`) || isNamed('refused', name)
      test(`mosquitto-conf: \`${spelling} ${value}\` is ${refused ? 'refused, as the page says' : 'taken'}`, () => {
        const lines = outcome(`${place(name, option)}${written(spelling)} ${value}\n${behind(name, option)}\n`)
        if (!refused) assert.deepEqual(lines, [])
        else assert.match(lines[0] ?? '', new RegExp(`^Error: This '${name}' is refused by Castellan; .+\\.$`))
      })
    }
  }

  for (const [value, message] of option.invalid ?? []) {
    test(`mosquitto-conf: \`${name} ${value.slice(0, 20)}\` is refused: ${message}`, () => {
      assert.equal(outcome(`${place(name, option)}${name} ${value}\n`)[0], message)
    })
  }

  test(`mosquitto-conf: without a line, ${name} is what it is in Mosquitto, or the page says what`, () => {
    const ours = known[name]?.default
    if (isNamed('default', name)) assert.notDeepEqual(ours, option.preset)
    else assert.deepEqual(ours, option.preset)
  })

  test(`mosquitto-conf: a reload takes a changed ${name} where Mosquitto's manual says so, or the page says that it does not`, () => {
    const isStuck = option.reloads === true && known[name]?.reload === 'restart'
    assert.equal(isNamed('restart', name), isStuck)
  })

  test(`mosquitto-conf: what ${name} does is shown by a test, or the page says that it does nothing`, () => {
    const { effect } = option
    assert.equal(isNamed('without effect', name), effect === 'none' && !isNamed('refused', name))
    if (effect === 'none') return
    assert.ok(existsSync(new URL(`../../${effect}`, import.meta.url)), `${effect} is not there`)
    assert.ok(names(read(effect), name), `${effect} does not name it`)
  })
}

test('mosquitto-conf: what the page names is an option of Mosquitto, and refused for good is what the tables refuse', () => {
  for (const [list, entries] of lists) {
    for (const entry of entries) {
      const [name = ''] = entry.split(' ')
      assert.ok(name in specified, `${list}: ${name}`)
    }
  }
  for (const [name, { unsupported, own }] of Object.entries(known)) {
    if (own === true || unsupported === undefined) continue
    assert.ok(
      [...(lists.get('refused') ?? [])].some(entry => entry.split(' ')[0] === name),
      `${name} is not on the page`,
    )
  }
})

test('mosquitto-conf: no option of Mosquitto is missing in the tables of this test', () => {
  const foreign = Object.entries(known).filter(([, { own }]) => own !== true)
  assert.deepEqual(foreign.map(([name]) => name).toSorted(), Object.keys(specified).toSorted())
})

test('mosquitto-conf: the page has every list', () => {
  assert.deepEqual([...lists.keys()].toSorted(), Object.values(headings).toSorted())
})

/** As a word of its own, or at the beginning of a line in the text of a configuration. */
function names(text: string, option: string): boolean {
  const escaped = option.replace('.', '\\.').replace('*', '\\w')
  return new RegExp(`((?<![\\w.])|(?<=\\\\n))${escaped}`).test(text)
}

function isNamed(list: List, entry: string): boolean {
  return lists.get(list)?.has(entry) === true
}
