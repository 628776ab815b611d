// cli section 6: each of the 45 rules finds what it is about, and nothing where it is right.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { wallClock } from '../../src/base/clock.ts'
import { examineFile, type Report } from '../../src/doctor/examine.ts'
import { rules } from '../../src/doctor/rules.ts'
import { options } from '../../src/server/options.ts'
import { type Files, type Fixture, fixtures } from './fixtures.ts'
import { doctorPki } from './pki.ts'

const dayMs = 24 * 60 * 60 * 1000

test('cli section 6: there are 45 rules, D01 to D45, and each has a fixture', () => {
  const ids = Array.from({ length: 45 }, (_, index) => `D${String(index + 1).padStart(2, '0')}`)
  assert.deepEqual(
    rules.map(({ id }) => id),
    ids,
  )
  assert.deepEqual([...new Set(fixtures.map(({ id }) => id))].sort(), ids)
})

for (const fixture of fixtures) {
  const { id, about, evidence, inDays = 0, keepsTime = true } = fixture
  const rule = rules.find(known => known.id === id)
  test(`cli section 6, ${id}: finds ${rule?.title}${about === undefined ? '' : ` (${about})`}`, async t => {
    const { findings } = await examine(t, fixture.bad, { inDays, keepsTime })
    const found = findings.filter(finding => finding.id === id)
    assert.ok(
      found.some(finding => evidence.test(finding.evidence)),
      JSON.stringify(found.length > 0 ? found : findings, undefined, 1),
    )
  })
  test(`cli section 6, ${id}: finds nothing${about === undefined ? '' : ` (${about})`} where it is right`, async t => {
    const { findings } = await examine(t, fixture.good, {})
    const found = findings.filter(finding => finding.id === id && isAbout(fixture, finding.evidence))
    assert.deepEqual(found, [])
  })
}

/** A rule with several fixtures may find something else in the good one of another. */
function isAbout({ about, evidence }: Fixture, text: string): boolean {
  return about === undefined ? true : evidence.test(text)
}

async function examine(
  t: TestContext,
  files: Files,
  { inDays = 0, keepsTime = true }: { inDays?: number; keepsTime?: boolean },
): Promise<Report> {
  const certs = await doctorPki()
  const here = mkdtempSync(join(tmpdir(), 'castellan-doctor-'))
  t.after(() => rmSync(here, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const [text, mode] = typeof content === 'string' ? [content, 0o600] : content
    const path = join(here, name)
    if (name.endsWith('/')) mkdirSync(path)
    else writeFileSync(path, text.replaceAll('CERTS', certs).replaceAll('HERE', here))
    chmodSync(path, mode)
  }
  const now = wallClock() + inDays * dayMs
  return examineFile(join(here, 'mosquitto.conf'), options, { now, keepsTime })
}
