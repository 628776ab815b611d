// `castellan ca serve`: lists and OCSP over HTTP, and the timer that keeps them fresh, without a broker.

import { once } from 'node:events'
import type { Log } from '../../base/log.ts'
import { operands, parse, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import type { Io } from '../verbs.ts'
import { caDirectory, caOptions } from './context.ts'

export async function serve(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, listen: { type: 'string' } })
  operands(positionals, [])
  const { CertificateService } = await import('../../server/certificate-service.ts')
  const log: Log = { enabled: () => true, write: (_type, line) => void io.stderr.write(`${line}\n`) }
  const options = {
    directory: caDirectory(values, io),
    passphraseFile: values['passphrase-file'],
    address: addressOf(values.listen ?? '127.0.0.1:8888'),
  }
  const service = await CertificateService.open(options, log)
  const ending = new AbortController()
  await Promise.race(['SIGINT', 'SIGTERM'].map(signal => once(process, signal, { signal: ending.signal })))
  ending.abort()
  service.close()
  return exitCode.ok
}

/** `8888`, `127.0.0.1:8888`, `[::1]:8888`. */
function addressOf(text: string): { port: number; address: string } {
  const [, address = '127.0.0.1', port = ''] = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535) throw new UsageError('--listen is like 127.0.0.1:8888 or [::]:8888')
  return { port: Number(port), address }
}
