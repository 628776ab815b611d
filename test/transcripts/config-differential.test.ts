// The cases of `config/*.txt` that are marked `(2.0.11)` say the same in Debian's Mosquitto, quotes aside: version 2.1
// put them around names.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bytesOf, readCases } from './config-case.ts'

const mosquitto = '/usr/sbin/mosquitto'
const skip = existsSync(mosquitto) ? false : 'Debian mosquitto is not installed'
const directory = join(import.meta.dirname, 'config')

for (const name of readdirSync(directory).sort()) {
  for (const { sentence, files, outcome } of readCases(readFileSync(join(directory, name), 'utf8'))) {
    if (!sentence.endsWith('(2.0.11)')) continue
    test(`${sentence}: Debian's mosquitto says the same`, { skip }, t => {
      const place = mkdtempSync(join(tmpdir(), 'castellan-config-'))
      t.after(() => rmSync(place, { recursive: true }))
      for (const [file, text] of files) writeFileSync(join(place, file), bytesOf(text))
      const run = spawnSync(mosquitto, ['-c', 'mosquitto.conf'], { cwd: place, timeout: 5000 })
      assert.equal(run.status, 3)
      assert.deepEqual(errorLines(run.stderr.toString('latin1')), errorLines(outcome).slice(0, 2))
    })
  }
}

function errorLines(text: string): string[] {
  return text
    .replaceAll(/['"]/g, '')
    .replaceAll('\t', '\\x09')
    .split('\n')
    .map(line => line.replace(/^\d+: /, ''))
    .filter(line => line.startsWith('Error'))
}
