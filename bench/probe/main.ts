// A program that shares the broker's core and does a little piece of work again and again, the same each time, to tell
// how quick that core is at the moment. It keeps its counts in the file that it is given: see reading.ts.

import { openSync } from 'node:fs'
import { piece } from './piece.ts'
import { writeReading } from './reading.ts'

/** With some 0.2 ms a piece, two hundredths of the core. */
const pauseMs = 10
/** Until the compiler has done its best. */
const warmUps = 300

const file = openSync(process.argv[2] ?? '', 'w', 0o600)
const done = { count: 0, microseconds: 0 }
for (let count = 0; count < warmUps; count += 1) piece(file)
writeReading(file, done)
process.stdout.write('ready\n')

setInterval(() => {
  const before = process.cpuUsage()
  piece(file)
  const { user, system } = process.cpuUsage(before)
  done.count += 1
  done.microseconds += user + system
  writeReading(file, done)
}, pauseMs)
