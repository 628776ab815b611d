// This program's version, which package.json alone holds.

import { readFileSync } from 'node:fs'

/** As in package.json: `0.1.0`. */
export function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
