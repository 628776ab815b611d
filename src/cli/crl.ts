// `castellan crl`: what revocation lists say, and a list fetched from where it is published; for anybody's lists.

import { resolve } from 'node:path'
import { escapeText } from '../base/escape.ts'
import { PkiError, PkiFileError } from '../pki/errors.ts'
import { maxFileBytes, publicMode, readWhole, writeWhole } from '../pki/files.ts'
import { type ListSummary, summariseLists } from '../pki/list-file.ts'
import { now } from './ca/context.ts'
import { caExitCodes } from './ca/help.ts'
import { type Action, operands, parse, runAction, UsageError } from './command.ts'
import { exitCode } from './exit-code.ts'
import { shortTime, wantsJson } from './output-format.ts'
import type { Io } from './verbs.ts'

const help = {
  page: `Usage: castellan crl show FILE         issuer, number, dates and entries of each list in FILE
       castellan crl fetch URL FILE    fetch a list and put it in the place of FILE

castellan crl ACTION --help tells all about one action. Lists of one's own are signed by castellan ca publish-crl.
${caExitCodes}

Example: castellan crl show castellan-data/ca/crl/all.pem
`,
  show: `Usage: castellan crl show FILE [OPTIONS]

FILE is PEM, with one list or several, or DER. A list that has ended, or was not signed by who should have, is exit code 7.

  --issuer FILE                the certificate of who should have signed
  -o json

${caExitCodes}
`,
  fetch: `Usage: castellan crl fetch URL FILE [OPTIONS]

Fetches a list over http, without following redirects, and puts it in the place of FILE in one step: never one that cannot be read,
has ended, or was not signed by --issuer. What a broker needs for that is its option crl_fetch.

  --issuer FILE                the certificate of who should have signed
  -o json

${caExitCodes}
`,
} as const

/** `castellan crl ACTION …`. @returns the exit code */
export function crl(args: readonly string[], io: Io): Promise<number> {
  return runAction('crl', help.page, actions, args, io)
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['show', { help: help.show, run: show }],
  ['fetch', { help: help.fetch, run: fetchList }],
])

const options = { issuer: { type: 'string' }, output: { type: 'string', short: 'o' } } as const
/** From the request to the last byte. */
const fetchMs = 30_000

async function show(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, options)
  const [file] = operands(positionals, ['FILE'])
  const asJson = wantsJson(values.output)
  const lists = await summariseLists(readWhole(file), authorityOf(values.issuer))
  io.stdout.write(asJson ? jsonOf(lists) : lists.map(textOf).join(''))
  return lists.every(isGood) ? exitCode.ok : exitCode.invalid
}

async function fetchList(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, options)
  const [url, file] = operands(positionals, ['URL', 'FILE'])
  const asJson = wantsJson(values.output)
  if (!/^http:\/\//i.test(url) || !URL.canParse(url)) throw new UsageError(`'${escapeText(url, 200)}' is no http URL`)
  const bytes = await download(url)
  const lists = await summariseLists(bytes, authorityOf(values.issuer))
  if (!lists.every(isGood)) throw new PkiError(`not put in place: ${lists.map(textOf).join('').trim()}`)
  writeWhole(resolve(file), bytes, publicMode)
  io.stdout.write(asJson ? jsonOf(lists) : lists.map(textOf).join(''))
  return exitCode.ok
}

function authorityOf(file: string | undefined): Buffer | undefined {
  return file === undefined ? undefined : readWhole(file, 1 << 16)
}

/** @throws PkiFileError */
async function download(url: string): Promise<Buffer> {
  const shown = `'${escapeText(url, 200)}'`
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(fetchMs) })
    if (!response.ok) throw new PkiFileError(`${shown} answers with status ${response.status}`)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of response.body ?? []) {
      size += part.length
      if (size > maxFileBytes) throw new PkiFileError(`${shown} has more than ${maxFileBytes} bytes`)
      parts.push(part)
    }
    return Buffer.concat(parts)
  } catch (cause) {
    if (cause instanceof PkiFileError) throw cause
    throw new PkiFileError(`${shown} cannot be fetched: ${reasonOf(cause)}`, { cause })
  }
}

/** Of an error of `fetch`, whose cause has the system's code. */
function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error
  if (name === 'TimeoutError') return `no answer within ${fetchMs / 1000} seconds`
  const { code, message: inner } = (cause ?? {}) as NodeJS.ErrnoException
  return escapeText(code ?? inner ?? message, 200)
}

function isGood({ nextUpdate, verified }: ListSummary): boolean {
  return verified !== false && (nextUpdate === undefined || nextUpdate > now())
}

function textOf({ issuer, number, base, thisUpdate, nextUpdate, entries, verified }: ListSummary): string {
  const which = `${number === undefined ? 'no number' : `#${number}`}${base === undefined ? '' : `, changes #${base}`}`
  const until = nextUpdate === undefined ? 'without an end' : `until ${shortTime(nextUpdate)}`
  const ended = nextUpdate !== undefined && nextUpdate <= now() ? ', ENDED' : ''
  const signed = verified === undefined ? '' : verified ? ', signature right' : ', SIGNATURE WRONG'
  return `${escapeText(issuer)}: ${which}, from ${shortTime(thisUpdate)} ${until}, ${entries} entries${ended}${signed}\n`
}

function jsonOf(lists: readonly ListSummary[]): string {
  const page = lists.map(({ thisUpdate, nextUpdate, ...rest }) => ({
    ...rest,
    thisUpdate: new Date(thisUpdate).toISOString(),
    ...(nextUpdate === undefined ? {} : { nextUpdate: new Date(nextUpdate).toISOString() }),
  }))
  return `${JSON.stringify({ version: 1, lists: page }, undefined, 2)}\n`
}
