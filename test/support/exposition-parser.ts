// Reads Prometheus' text format 0.0.4 and forgives nothing: what it takes, a scraper takes.

import assert from 'node:assert/strict'

export interface Family {
  readonly type: string
  readonly help: string
  /** By their labels as written, `''` without. */
  readonly samples: ReadonlyMap<string, number>
}

const helpLine = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)+)$/
const typeLine = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)$/
const label = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\\\\\|\\\\"|\\\\n)*"'
const sampleLine = new RegExp(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(${label}(?:,${label})*)\\})? (-?[0-9.e+-]+)$`)

/** Each family must be HELP, TYPE and its samples, in one piece, and neither family nor sample may come twice. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends too')
  const families = new Map<string, Family>()
  let current: { name: string; help: string; type?: string; samples: Map<string, number> } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, helped, help = ''] = helpLine.exec(line) ?? []
    const [, typed, type = ''] = typeLine.exec(line) ?? []
    if (helped !== undefined) {
      assert.ok(!families.has(helped), `${helped} comes twice`)
      current = { name: helped, help, samples: new Map() }
    } else if (typed !== undefined) {
      assert.ok(current?.name === typed && !families.has(typed), `TYPE of ${typed} stands behind its HELP`)
      families.set(typed, { type, help: current.help, samples: current.samples })
    } else {
      const [, name = '', labels = '', value] = sampleLine.exec(line) ?? []
      assert.ok(value !== undefined, `no line of the format: ${line}`)
      assert.ok(current?.name === name && families.has(name), `${name} stands behind its TYPE`)
      assert.ok(!current.samples.has(labels), `${name}{${labels}} comes twice`)
      const names = [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, found]) => found)
      assert.equal(new Set(names).size, names.length, `a label of ${line} comes twice`)
      assert.ok(Number.isFinite(Number(value)), `${value} is a number`)
      current.samples.set(labels, Number(value))
    }
  }
  return families
}
