// The load generator as a program: a request on standard input, its result on standard output, both JSON. It is no part
// of the broker; `npm run bench` starts it beside one.

import { text } from 'node:stream/consumers'
import { AppError } from '../../src/base/errors.ts'
import { parseRequest } from './request.ts'
import { runLoad } from './run-load.ts'

try {
  const result = await runLoad(parseRequest(await text(process.stdin)))
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
} catch (error) {
  if (!(error instanceof AppError)) throw error
  process.stderr.write(`bench/load: ${error.message} (${error.code})\n`, () => process.exit(1))
}
