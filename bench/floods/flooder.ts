// A process that floods: `flooder.ts KIND PORT TLS-PORT`. Says what it has done so far each time it is sent a line.

import { createInterface } from 'node:readline'
import { type FloodKind, type FloodTarget, floods } from './kinds.ts'

const [kind, port, tlsPort] = process.argv.slice(2)
const flood = floods[kind as FloodKind]
const target: FloodTarget = { port: Number(port), tlsPort: Number(tlsPort), count: 0 }
createInterface({ input: process.stdin })
  .on('line', () => process.stdout.write(`${target.count}\n`))
  .on('close', () => process.exit(0))
await flood(target)
