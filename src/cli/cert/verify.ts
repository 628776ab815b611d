// `castellan cert verify`: what the authority says of a certificate that somebody shows.

import { type Verdict, verifyCertificate } from '../../pki/verify-certificate.ts'
import { caOptions, now, withEngine } from '../ca/context.ts'
import { operands, parse, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { wantsJson } from '../output-format.ts'
import type { Io } from '../verbs.ts'
import { certificatesOf } from './inspect.ts'

/** The first certificate of a file is judged: what follows it are authorities. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    purpose: { type: 'string' },
    host: { type: 'string' },
    at: { type: 'string' },
    output: { type: 'string', short: 'o' },
  })
  const [file] = operands(positionals, ['FILE'])
  const asJson = wantsJson(values.output)
  const options = { purpose: purposeOf(values.purpose), host: values.host, at: timeOf(values.at) }
  const [der] = certificatesOf(file) as [Buffer]
  return withEngine(values, io, async engine => {
    const verdict = verifyCertificate(engine, der, options)
    const good = verdict.problems.length === 0
    const page = { version: 1, good, ...verdict, issuer: verdict.issuer ?? null }
    io.stdout.write(asJson ? `${JSON.stringify(page, undefined, 2)}\n` : shown(verdict))
    return good ? exitCode.ok : exitCode.invalid
  })
}

function shown({ subject, serialNumber, issuer, problems }: Verdict): string {
  const by = issuer === undefined ? '' : `, issued by ${issuer}`
  const lines = problems.map(problem => `  ${problem}\n`).join('')
  return `${subject}, serial number ${serialNumber}${by}: ${problems.length === 0 ? 'good' : 'REFUSED'}\n${lines}`
}

/** @throws UsageError */
function purposeOf(word: string | undefined): 'client' | 'server' | undefined {
  if (word === undefined || word === 'client' || word === 'server') return word
  throw new UsageError(`--purpose is client or server`)
}

/** @throws UsageError */
function timeOf(text: string | undefined): number {
  const at = text === undefined ? now() : Date.parse(text)
  if (Number.isNaN(at)) throw new UsageError('--at is a time like 2027-01-31T12:00:00Z')
  return at
}
