// `node bench/revocation/main.ts`: how long it takes until a client that was revoked is gone, with thousands of others connected; by a list
// with a million serial numbers, or in another way.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import type { CertificateFiles } from '../../test/support/authority.ts'
import { type BrokerProcess, startBroker } from '../../test/support/broker-process.ts'
import { connectBytes, subscribeBytes } from '../../test/support/packet-bytes.ts'
import { cpuSecondsBetween, processFigures, residentBytes } from '../load/processes.ts'
import { aligned, formatWhole } from '../table.ts'
import { createMethod, type Method, methodNames } from './method.ts'

const help = `Revokes one client after the other, and measures until each is gone.

Usage: node bench/revocation/main.ts [OPTION]...

  --way NAME     list: a new list takes the place of the old one (default); authority: castellan cert revoke; ocsp: from the
                 responder's answer on; trust: the authority's certificate is taken out of capath
  --sessions N   clients that stay (default 10000)
  --rounds N     clients that are revoked (default 50)
  --listed N     serial numbers that a list has already (default 1000000)
  --help         this page

Exit codes: 0 the slowest was gone within a second; 1 it was not; 2 wrong usage.
`

interface Plan {
  readonly way: (typeof methodNames)[number]
  readonly sessions: number
  readonly rounds: number
  readonly listed: number
}

const atOnce = 50

/** @returns the exit code */
async function main(plan: Plan): Promise<number> {
  const cleanups: (() => unknown)[] = []
  const sockets: TLSSocket[] = []
  const method = await createMethod(plan.way, plan.listed)
  try {
    const broker = await startBroker(
      { after: cleanup => void cleanups.push(cleanup as () => unknown) },
      { config: ({ port }) => conf(port, method) },
    )
    const pid = broker.program.child.pid as number
    const resident = residentBytes([pid])
    const steady = await method.issue('steady')
    for (let open = 0; open < plan.sessions; open += atOnce) {
      const batch = Array.from({ length: Math.min(atOnce, plan.sessions - open) }, (_, index) =>
        enter(broker, method, steady, `s${open + index}`),
      )
      sockets.push(...(await Promise.all(batch)))
    }
    const before = processFigures([pid])
    const times: number[] = []
    for (let round = 0; round < plan.rounds; round++) times.push(await timeOfRound(broker, method, round))
    const cpuSeconds = cpuSecondsBetween(before, processFigures([pid]))
    return print(plan, times, resident, cpuSeconds)
  } finally {
    for (const socket of sockets) socket.destroy()
    for (const cleanup of cleanups) await cleanup()
    method.close()
  }
}

/** @returns milliseconds */
async function timeOfRound(broker: BrokerProcess, method: Method, round: number): Promise<number> {
  const victim = await method.issueVictim(`victim-${round}`)
  const socket = await enterInTime(broker, method, victim, `v${round}`)
  const gone = once(socket, 'close').then(() => performance.now())
  const said = await method.revoke(victim)
  return (await gone) - said()
}

function print({ way, sessions, listed, rounds }: Plan, times: number[], resident: number, cpuSeconds: number): number {
  times.sort((a, b) => a - b)
  const share = (part: number) =>
    `${(times[Math.min(times.length - 1, Math.floor(times.length * part))] as number).toFixed(0)} ms`
  const rows: [string, string][] = [
    ['revoked by', way],
    ['connected', formatWhole(sessions)],
    ...(way === 'list' ? [['revoked serial numbers', formatWhole(listed)] as [string, string]] : []),
    ['resident before clients', `${formatWhole(resident / 1024 / 1024)} MiB`],
    ['CPU of the broker for each', `${((cpuSeconds * 1000) / rounds).toFixed(0)} ms`],
    ['gone after, median', share(0.5)],
    ['gone after, p99', share(0.99)],
    ['gone after, slowest', share(1)],
  ]
  process.stdout.write(`${aligned(rows, 1).join('\n')}\n`)
  return (times.at(-1) as number) < 1000 ? 0 : 1
}

function conf(port: number, { lines }: Method): string {
  return `listener ${port} 127.0.0.1
${lines.join('\n')}
max_connect_rate 0
log_type error
log_type warning
log_type information
`
}

/** A client whose authority is trusted again may come a moment too early. */
async function enterInTime(
  broker: BrokerProcess,
  method: Method,
  files: CertificateFiles,
  clientId: string,
): Promise<TLSSocket> {
  for (;;) {
    try {
      return await enter(broker, method, files, clientId)
    } catch {
      // And again.
    }
  }
}

/**
 * A client at QoS 1 that is through SUBACK.
 *
 * @throws when it is refused
 */
async function enter(
  { port }: BrokerProcess,
  { trust }: Method,
  files: CertificateFiles,
  clientId: string,
): Promise<TLSSocket> {
  const [ca, cert, key] = [trust, files.cert, files.key].map(path => readFileSync(path))
  const socket = connect({ port, host: '127.0.0.1', ca, cert, key, servername: 'localhost' })
  const ended = new Promise<never>((_, reject) => {
    socket.once('close', () => reject(new Error('refused')))
  })
  ended.catch(() => {})
  socket.on('error', () => {})
  const next = (event: string) => Promise.race([once(socket, event), ended])
  await next('secureConnect')
  socket.write(connectBytes({ version: 5, clientId, keepAlive: 0 }))
  await next('data')
  socket.write(subscribeBytes({ version: 5, packetId: 1, subscriptions: [{ filter: 'news', qos: 1 }] }))
  await next('data')
  socket.resume()
  return socket
}

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { way: text, sessions: text, rounds: text, listed: text, help: { type: 'boolean' } },
  strict: false,
})
const way = methodNames.find(name => name === (values.way ?? 'list'))
const numbers = {
  sessions: Number(values.sessions ?? 10_000),
  rounds: Number(values.rounds ?? 50),
  listed: Number(values.listed ?? 1_000_000),
}
if (values.help === true) {
  process.stdout.write(help)
} else if (
  way === undefined ||
  !Object.values(numbers).every(value => Number.isSafeInteger(value) && value >= 0) ||
  numbers.rounds === 0
) {
  process.stderr.write(help)
  process.exitCode = 2
} else {
  process.exitCode = await main({ way, ...numbers })
}
