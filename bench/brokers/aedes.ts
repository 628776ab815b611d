// Aedes, the broker library for Node, in a launcher of our own that reads the same mosquitto.conf.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from './broker.ts'

const launcher = join(import.meta.dirname, '../peers/aedes.ts')
const manifest = join(import.meta.dirname, '../../node_modules/aedes/package.json')

const lacks = {
  'shared-subscriptions': 'it has no shared subscriptions',
  persistence: 'it keeps sessions in memory only',
  'revocation-lists': 'it reads no revocation lists',
} as const

export function aedes(): Broker {
  const there = existsSync(manifest)
  return {
    name: 'aedes',
    version: there ? (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version : undefined,
    absent: there ? undefined : 'it is not installed; npm ci installs it',
    command: ({ conf }) => [process.execPath, launcher, conf],
    unable: ({ needs }) => (needs === undefined ? undefined : lacks[needs]),
  }
}
