// `node bench/revocation/main.ts`: how long it takes until a client that was revoked is gone, with thousands of others connected and a
// million serial numbers in the list; and what the list costs.

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { Authority, type CertificateFiles } from '../../test/support/authority.ts'
import { startBroker } from '../../test/support/broker-process.ts'
import { entryBytes, listBytes, numberBytes } from '../../test/support/list-bytes.ts'
import { connectBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { cpuSecondsBetween, processFigures, residentBytes } from '../load/processes.ts'
import { aligned, formatWhole } from '../table.ts'

const help = `Revokes one client after the other, and measures until each is gone.

Usage: node bench/revocation/main.ts [OPTION]...

  --sessions N   clients that stay (default 10000)
  --rounds N     clients that are revoked (default 50)
  --listed N     serial numbers that are revoked already (default 1000000)
  --help         this page

Exit codes: 0 the slowest was gone within a second; 1 it was not; 2 wrong usage.
`

interface Plan {
  readonly sessions: number
  readonly rounds: number
  readonly listed: number
}

const atOnce = 50

/** @returns the exit code */
async function main({ sessions, rounds, listed }: Plan): Promise<number> {
  const cleanups: (() => unknown)[] = []
  const sockets: TLSSocket[] = []
  try {
    const authority = await Authority.create()
    const [server, steady] = [await authority.issueServer(), await authority.issueClient('steady')]
    const victims: CertificateFiles[] = []
    for (let index = 0; index < rounds; index++) victims.push(await authority.issueClient(`victim-${index}`))
    const lists = new GrowingList(authority, listed)
    const read = (path: string) => readFileSync(path, 'utf8')
    const broker = await startBroker(
      { after: cleanup => void cleanups.push(cleanup as () => unknown) },
      {
        config: ({ port }) => conf(port),
        files: {
          'server.crt': read(server.cert),
          'server.key': read(server.key),
          'ca.crt': read(authority.ca.cert),
          'crl.pem': pemOf(lists.next()),
        },
      },
    )
    const pid = broker.program.child.pid as number
    const resident = residentBytes([pid])
    for (let open = 0; open < sessions; open += atOnce) {
      const batch = Array.from({ length: Math.min(atOnce, sessions - open) }, (_, index) =>
        enter(broker.port, authority, steady, `s${open + index}`),
      )
      sockets.push(...(await Promise.all(batch)))
    }
    const path = join(broker.dir, 'crl.pem')
    const times: number[] = []
    const before = processFigures([pid])
    for (const [index, victim] of victims.entries()) {
      const socket = await enter(broker.port, authority, victim, `v${index}`)
      sockets.push(socket)
      writeFileSync(`${path}.new`, lists.next(victim))
      const gone = once(socket, 'close')
      const from = performance.now()
      renameSync(`${path}.new`, path)
      await gone
      times.push(performance.now() - from)
    }
    const cpuSeconds = cpuSecondsBetween(before, processFigures([pid]))
    times.sort((a, b) => a - b)
    const share = (part: number) =>
      `${(times[Math.min(times.length - 1, Math.floor(times.length * part))] as number).toFixed(0)} ms`
    const rows: [string, string][] = [
      ['connected', formatWhole(sessions)],
      ['revoked serial numbers', formatWhole(listed)],
      ['resident with the list, before clients', `${formatWhole(resident / 1024 / 1024)} MiB`],
      ['CPU of the broker for each', `${((cpuSeconds * 1000) / rounds).toFixed(0)} ms`],
      ['gone after, median', share(0.5)],
      ['gone after, p99', share(0.99)],
      ['gone after, slowest', share(1)],
    ]
    process.stdout.write(`${aligned(rows, 1).join('\n')}\n`)
    return (times.at(-1) as number) < 1000 ? 0 : 1
  } finally {
    for (const socket of sockets) socket.destroy()
    for (const cleanup of cleanups) await cleanup()
  }
}

function conf(port: number): string {
  return `listener ${port} 127.0.0.1
certfile server.crt
keyfile server.key
cafile ca.crt
require_certificate true
use_identity_as_username true
crlfile crl.pem
max_connect_rate 0
log_type error
log_type warning
log_type information
`
}

/** Every list has what the one before had, and one more. */
class GrowingList {
  readonly #authority: Authority
  #entries: Buffer
  #number = 0

  constructor(authority: Authority, listed: number) {
    this.#authority = authority
    const entries: Buffer[] = []
    for (let i = 0; i < listed; i++) entries.push(entryBytes(`01${i.toString(16).padStart(30, '0')}`))
    this.#entries = Buffer.concat(entries)
  }

  /** @returns DER */
  next(victim?: CertificateFiles): Buffer {
    if (victim !== undefined) this.#entries = Buffer.concat([this.#entries, entryBytes(serialOf(victim))])
    return listBytes(this.#authority.ca, { entries: this.#entries, extensions: numberBytes(++this.#number) })
  }
}

function serialOf({ cert }: CertificateFiles): string {
  const { serialNumber } = new X509Certificate(readFileSync(cert))
  return /^[89A-F]/.test(serialNumber) ? `00${serialNumber}` : serialNumber
}

function pemOf(der: Buffer): string {
  return `-----BEGIN X509 CRL-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END X509 CRL-----\n`
}

/** A client at QoS 1 that is through SUBACK. */
async function enter(
  port: number,
  authority: Authority,
  files: CertificateFiles,
  clientId: string,
): Promise<TLSSocket> {
  const [ca, cert, key] = [authority.ca.cert, files.cert, files.key].map(path => readFileSync(path))
  const socket = connect({ port, host: '127.0.0.1', ca, cert, key, servername: 'localhost' })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  socket.write(connectBytes({ version: 5, clientId, keepAlive: 0 }))
  await once(socket, 'data')
  socket.write(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter: 'news', qos: 1 }] }))
  await once(socket, 'data')
  socket.resume()
  return socket
}

const number = { type: 'string' } as const
const { values } = parseArgs({
  options: { sessions: number, rounds: number, listed: number, help: { type: 'boolean' } },
  strict: false,
})
const plan: Plan = {
  sessions: Number(values.sessions ?? 10_000),
  rounds: Number(values.rounds ?? 50),
  listed: Number(values.listed ?? 1_000_000),
}
if (values.help === true) {
  process.stdout.write(help)
} else if (!Object.values(plan).every(value => Number.isSafeInteger(value) && value >= 0) || plan.rounds === 0) {
  process.stderr.write(help)
  process.exitCode = 2
} else {
  process.exitCode = await main(plan)
}
