// One measurement: a fresh broker, one load, and both gone again.

import { mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type Access, largeAclFile, loadUser, passwordFile, smallAclFile, topicRoot } from './access.ts'
import { BenchError } from './bench-error.ts'
import { BrokerProcess } from './broker-process.ts'
import type { Broker } from './brokers/broker.ts'
import type { LoadRequest, Scenario as LoadScenario, TlsRequest } from './load/request.ts'
import type { LoadResult } from './load/result.ts'
import { runLoad } from './load-process.ts'
import { type ConfFiles, mosquittoConf } from './mosquitto-conf.ts'
import { CoreProbe } from './probe/core-probe.ts'
import { longListFile } from './revocation-list.ts'
import { runDirectory } from './run-directory.ts'
import type { Scenario } from './scenarios.ts'
import { type TlsFiles, writeTlsFiles } from './tls-files.ts'

/** Until what runs often has been compiled; for latency until the compiler has nothing left to do beside. */
const warmupSeconds = { traffic: 1, paced: 3 } as const

/** What all measurements of a run share. */
export interface Bench {
  readonly dir: string
  readonly seconds: number
  readonly tls: TlsFiles
  readonly passwords: string
  readonly smallAcl: string
  readonly largeAcl: string
  readonly probe: CoreProbe | undefined
}

/** Writes certificates, password file and access control lists once for a run. */
export async function prepareBench(seconds: number): Promise<Bench> {
  const dir = await runDirectory()
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  return {
    dir,
    seconds,
    tls: await writeTlsFiles(dir),
    passwords: await write('passwords', passwordFile()),
    smallAcl: await write('acl', smallAclFile()),
    largeAcl: await write('acl-10k', largeAclFile()),
    probe: await CoreProbe.start(dir),
  }
}

/** A broker in a scenario, with a configuration. */
export interface Measurement {
  readonly broker: Broker
  readonly scenario: Scenario
  readonly access: Access
  readonly load: LoadScenario
}

/**
 * Measures once. The broker is stopped in any case.
 *
 * @throws BenchError when there is no figure, or none to be trusted
 */
export async function measure(bench: Bench, measurement: Measurement): Promise<LoadResult> {
  const { broker, scenario } = measurement
  const port = await freePort()
  const place = join(bench.dir, `${broker.name}-${port}`)
  await mkdir(place)
  const conf = join(place, 'mosquitto.conf')
  await writeFile(conf, confText(bench, measurement, port, place))
  const running = await BrokerProcess.start(broker.name, broker.command({ port, conf }), port)
  try {
    const shortage = running.shortage(scenario.connections)
    if (shortage !== undefined) throw new BenchError(shortage)
    return await probed(bench, scenario, () => loaded(running, loadRequest(bench, measurement, port, running.pid)))
  } finally {
    await running.stop()
    await rm(place, { recursive: true })
  }
}

/** Latency bears no third process on the core. */
function probed<Result>({ probe }: Bench, scenario: Scenario, task: () => Promise<Result>): Promise<Result> {
  return probe !== undefined && needsProbe(scenario) ? probe.during(task) : task()
}

function needsProbe({ rows }: Scenario): boolean {
  return rows.some(({ headline }) => headline === 'cpuMicroseconds')
}

/** A death explains more than the errors that it causes. */
async function loaded(running: BrokerProcess, request: LoadRequest): Promise<LoadResult> {
  try {
    const result = await runLoad(request)
    if (!result.valid) throw new BenchError(result.invalidReasons.join('; '))
    return result
  } catch (error) {
    const death = running.death()
    throw death === undefined ? error : new BenchError(death, { cause: error })
  }
}

function confText(bench: Bench, { broker, scenario, access }: Measurement, port: number, place: string): string {
  const { certificate, key } = bench.tls.server
  const acl = scenario.largeAcl ? bench.largeAcl : bench.smallAcl
  const files: ConfFiles = {
    passwords: bench.passwords,
    acl,
    authority: bench.tls.authority,
    certificate,
    key,
    ...(scenario.longRevocationList && { revocations: longListFile(bench.tls) }),
  }
  const { transport, durability } = scenario
  const persistence = durability && {
    directory: `${place}/`,
    ...(broker.choosesDurability && { durability }),
  }
  return mosquittoConf({
    port,
    access,
    transport,
    files,
    ...(persistence && { persistence }),
    root: process.getuid?.() === 0,
  })
}

function loadRequest(bench: Bench, { scenario, access, load }: Measurement, port: number, pid: number): LoadRequest {
  const { probe } = bench
  return {
    host: '127.0.0.1',
    port,
    protocol: 4,
    ...(access === 'acl' && { username: loadUser.name, password: loadUser.password }),
    ...(scenario.transport !== 'plain' && { tls: tlsRequest(bench.tls, scenario) }),
    brokerPids: [pid],
    ...(probe !== undefined && needsProbe(scenario) && { coreProbe: probe.path }),
    topicPrefix: topicRoot,
    scenario: load,
    warmupSeconds: load.kind === 'paced' ? warmupSeconds.paced : warmupSeconds.traffic,
    seconds: bench.seconds,
  }
}

function tlsRequest({ authority, client }: TlsFiles, { transport, resume }: Scenario): TlsRequest {
  const certificate = transport === 'mutual-tls' ? { certfile: client.certificate, keyfile: client.key } : {}
  return { cafile: authority, ...certificate, version: '1.3', resume: resume === true }
}

/** Free a moment ago; a clash shows as a broker that does not start. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
