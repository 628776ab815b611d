// The hand-written pages stay in step with the code: links lead somewhere, options exist and have the defaults they are said
// to have, decisions have their four parts.

import assert from 'node:assert/strict'
import { existsSync, globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import test from 'node:test'
import { metrics } from '../../src/observe/metrics.ts'
import { options } from '../../src/server/options.ts'
import { read, repository } from '../repo/source-files.ts'

const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: repository })]
const known: ReadonlySet<string> = new Set(Object.keys(options))

test('every link between pages, and every path of src that a page names, leads somewhere', () => {
  const dead = pages.flatMap(page => {
    const text = read(page)
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link]) => join(dirname(page), link!))
    const sources = [...text.matchAll(/`((?:src|test|bin|docs|scripts)\/[\w./-]+)`/g)].map(([, path]) => path!)
    return [...links, ...sources]
      .filter(path => !existsSync(join(repository, path)))
      .map(path => `${page} names ${path}`)
  })
  assert.deepEqual(dead, [])
})

test('docs/security.md: every limit is an option, and the default is the one that is told', () => {
  const rows = [...section('docs/security.md', 'Limits').matchAll(/^\| [^|]+ \| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$/gm)]
  assert.ok(rows.length > 10, 'the table is there')
  for (const [row, names = '', defaults = ''] of rows) {
    const told = defaults.split(', ').map(numberIn)
    const actual = [...names.matchAll(/`(\w+)`/g)].map(
      ([, name]) => (options as Record<string, { default: unknown }>)[name!]?.default,
    )
    assert.deepEqual(told, actual, row)
  }
})

test('every word of a page that looks like an option of mosquitto.conf is one', () => {
  const looksLikeOption = /`([a-z]+(?:_[a-z]+)+)(?: [^`]*)?`/g
  const unknown = ['docs/security.md', 'docs/operations.md', 'docs/migrating-from-mosquitto.md', 'README.md'].flatMap(
    page =>
      [...read(page).matchAll(looksLikeOption)]
        .map(([, word]) => word!)
        .filter(word => !known.has(word) && !(word in metrics) && !isTool(word)),
  )
  assert.deepEqual(unknown, [])
})

test('every decision tells question, choice, what was refused, and consequence, and has its number', () => {
  const decisions = globSync('docs/decisions/*.md', { cwd: repository }).sort()
  decisions.forEach((path, index) => {
    const number = String(index + 1)
    assert.ok(basename(path).startsWith(`${number.padStart(4, '0')}-`), path)
    const text = read(path)
    assert.match(text, new RegExp(`^# ${number}\\. `))
    const parts = [...text.matchAll(/^\*\*(\w+)\.\*\*/gm)].map(([, part]) => part)
    assert.deepEqual(parts, ['Question', 'Choice', 'Refused', 'Consequence'], path)
  })
})

function section(page: string, heading: string): string {
  return (
    read(page)
      .split(/^## /m)
      .find(part => part.startsWith(`${heading}\n`)) ?? ''
  )
}

/** `1 MiB`, `10 s`, `2,000,000`, `up to 10 s` in the option's unit; 0 without a number, undefined where it depends. */
function numberIn(text: string): number | undefined {
  if (text.startsWith('half of ')) return undefined
  const [, digits = '', unit] = /([\d,]+)(?: (MiB|GiB))?/.exec(text) ?? []
  const bytes = { MiB: 2 ** 20, GiB: 2 ** 30 }[unit ?? '']
  return Number(digits.replaceAll(',', '')) * (bytes ?? 1)
}

function isTool(word: string): boolean {
  return word.startsWith('mosquitto_')
}
