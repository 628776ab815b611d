// The harness can fail: a broker that acknowledges before it is safe is found out, however it does so.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { type KillPlan, runKills } from './kill-run.ts'

/** The first ones find it out, as a rule; it is for chance to say which. */
const kills = 12

const messages = /^(lost|retained|session|duplicated): /
const controls = /^control: /
const early: readonly (readonly [name: string, finding: RegExp, how: Pick<KillPlan, 'durability' | 'preload'>])[] = [
  ['persistence_durability none', messages, { durability: 'none' }],
  ['a build that ignores holds', messages, { durability: 'sync', preload: besideThis('ignore-holds.ts') }],
  ['a build that answers commands early', controls, { durability: 'sync', preload: besideThis('answer-early.ts') }],
]

function besideThis(name: string): string {
  return join(import.meta.dirname, name)
}

for (const [name, finding, how] of early) {
  test(`durability: the harness reports what ${name} loses or doubles`, async t => {
    const { faults, report } = await runKills(t, { kills, seed: 4711, stopAtFault: true, ...how })
    t.diagnostic(report)
    assert.ok(
      faults.some(fault => finding.test(fault)),
      `nothing of what was to be found\n${report}`,
    )
    // Nothing but what comes of it, a subscription that was given up and is there again among them.
    assert.ok(
      faults.every(fault => /^(lost|retained|session|duplicated|dup|order|control): |^filters-\d+ got /.test(fault)),
      report,
    )
  })
}
