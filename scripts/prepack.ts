// What `npm pack` does first: `dist` as the sources are now, with the manual pages, and nothing else.

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allManPages } from '../src/cli/manual/man.ts'
import { confManPage } from './conf-man-page.ts'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
rmSync(dist, { recursive: true, force: true })

const compiler = join(root, 'node_modules/.bin/tsc')
const { status, error } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) {
  process.stderr.write(`prepack: the sources cannot be built${error === undefined ? '' : `: ${error.message}`}\n`)
  process.exit(1)
}

const pages = join(dist, 'man')
mkdirSync(pages)
for (const [name, text] of await allManPages()) writeFileSync(join(pages, name), text)
writeFileSync(join(pages, 'castellan.conf.5'), confManPage())
