// The harness can fail: a broker that acknowledges before it is safe is found out, however it does so.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { type KillPlan, runKills } from './kill-run.ts'

/** The first ones find it out, as a rule; it is for chance to say which. */
const kills = 12

const early: readonly (readonly [name: string, how: Pick<KillPlan, 'durability' | 'preload'>])[] = [
  ['persistence_durability none', { durability: 'none' }],
  ['a build that ignores holds', { durability: 'sync', preload: join(import.meta.dirname, 'ignore-holds.ts') }],
]

for (const [name, how] of early) {
  test(`durability: the harness reports what ${name} loses or doubles`, async t => {
    const { faults, report } = await runKills(t, { kills, seed: 4711, stopAtFault: true, ...how })
    t.diagnostic(report)
    assert.ok(
      faults.some(fault => /^(lost|retained|session|duplicated): /.test(fault)),
      `nothing was lost or duplicated\n${report}`,
    )
    // Nothing but what comes of it, a subscription that was given up and is there again among them.
    assert.ok(
      faults.every(fault => /^(lost|retained|session|duplicated|dup|order): |^filters-\d+ got /.test(fault)),
      report,
    )
  })
}
