// One flood against one broker, and what it does to a client that behaves well.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Latency } from '../../src/client/histogram.ts'
import { freePort } from '../../test/support/free-port.ts'
import { connectBytes, disconnectBytes } from '../../test/support/packet-bytes.ts'
import { BrokerProcess } from '../broker-process.ts'
import { castellan } from '../brokers/castellan.ts'
import { cpuSecondsBetween, processFigures } from '../load/processes.ts'
import { pinned } from '../processor-cores.ts'
import { killAtEnd, killGroup, runDirectory } from '../run-directory.ts'
import { type TlsFiles, writeTlsFiles } from '../tls-files.ts'
import { type FloodKind, scrapedPackets } from './kinds.ts'
import { first, goFirst, last } from './priority.ts'
import { Probe } from './probe.ts'

const flooder = join(import.meta.dirname, 'flooder.ts')
/** Before a flood is measured. */
const warmUpMs = 500

export interface Flooded {
  readonly before: Latency | null
  readonly during: Latency | null
  /** What the flood did in a second, in its own units. */
  readonly perSecond: number
  /** Of the broker, of one core. */
  readonly cpuPercent: number
  readonly grownBytes: number
  /** The client's connection was closed. */
  readonly closed: boolean
}

/** A broker of its own for each; certificates once. */
export class FloodGround {
  readonly #directory: string
  readonly #tls: TlsFiles
  readonly #isFirst: boolean

  private constructor(directory: string, tls: TlsFiles, isFirst: boolean) {
    this.#directory = directory
    this.#tls = tls
    this.#isFirst = isFirst
  }

  /** @param isFirst broker and client go before everything else on the machine, where that can be asked for */
  static async prepare(isFirst = false): Promise<FloodGround> {
    if (isFirst) goFirst()
    const directory = await runDirectory()
    return new FloodGround(directory, await writeTlsFiles(directory), isFirst)
  }

  /** @param seconds measured before the flood, and again during it */
  async run(kind: FloodKind, seconds: number): Promise<Flooded> {
    const port = await freePort()
    const tlsPort = await freePort()
    const conf = join(this.#directory, `${port}.conf`)
    await writeFile(conf, this.#confText(port, tlsPort))
    const command = castellan().command({ port, conf })
    const broker = await BrokerProcess.start('castellan', this.#isFirst ? first(command) : command, port)
    try {
      if (kind === 'wildcard scrape') await retain(port)
      return await measure(broker.pid, port, tlsPort, kind, seconds)
    } finally {
      await broker.stop()
    }
  }

  #confText(port: number, tlsPort: number): string {
    const { certificate, key } = this.#tls.server
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      `listener ${tlsPort} 127.0.0.1`,
      'allow_anonymous true',
      `certfile ${certificate}`,
      `keyfile ${key}`,
      'log_type error',
    ]
    if (process.getuid?.() === 0) lines.push('user root')
    return `${lines.join('\n')}\n`
  }
}

async function measure(pid: number, port: number, tlsPort: number, kind: FloodKind, seconds: number): Promise<Flooded> {
  const probe = await Probe.open(port, pid)
  try {
    probe.start()
    await sleep(warmUpMs)
    probe.take()
    await sleep(seconds * 1000)
    const before = probe.take()
    const flood = startFlood(kind, port, tlsPort)
    try {
      await sleep(warmUpMs)
      probe.take()
      const [figures, count] = [processFigures([pid]), await flood.count()]
      await sleep(seconds * 1000)
      const during = probe.take()
      const after = processFigures([pid])
      return {
        before,
        during,
        perSecond: ((await flood.count()) - count) / seconds,
        cpuPercent: (cpuSecondsBetween(figures, after) * 100) / seconds,
        grownBytes: after.rssBytes - figures.rssBytes,
        closed: probe.closed,
      }
    } finally {
      flood.stop()
    }
  } finally {
    probe.close()
  }
}

function startFlood(kind: FloodKind, port: number, tlsPort: number) {
  const command = last([process.execPath, flooder, kind, String(port), String(tlsPort)])
  const [program = '', ...args] = pinned('load', command)
  const child = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  killAtEnd(child.pid!)
  return {
    count: async () => {
      child.stdin.write('\n')
      const [line] = (await once(lines, 'line')) as [string]
      return Number(line)
    },
    stop: () => killGroup(child.pid!),
  }
}

async function retain(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.resume()
  socket.write(connectBytes({ clientId: 'retains' }))
  socket.write(Buffer.concat([...scrapedPackets()]))
  socket.write(disconnectBytes())
  await once(socket, 'close')
}
