// This program's version, which package.json alone holds.

import { readFileSync } from 'node:fs'

let known: string | undefined

/** As in package.json: `0.1.0`. Read once, before a broker started as root gives up the right to. */
export function version(): string {
  known ??= read()
  return known
}

function read(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
