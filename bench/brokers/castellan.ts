// Castellan, as its users run it.

import { join } from 'node:path'
import { version } from '../../src/base/version.ts'
import { ableToAll, type Broker } from './broker.ts'

const program = join(import.meta.dirname, '../../bin/castellan')

export function castellan(): Broker {
  return {
    name: 'castellan',
    version: version(),
    absent: undefined,
    command: ({ conf }) => [program, 'run', '-c', conf],
    choosesDurability: true,
    unable: ableToAll,
  }
}
