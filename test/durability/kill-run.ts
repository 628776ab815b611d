// Kills the broker with SIGKILL at random moments under load, again and again, and keeps the books of what it promised.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Random } from '../../fuzz/random.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Durability } from '../../src/store/store.ts'
import { dynamicSecurityPlugin, initialFile } from '../support/administrator.ts'
import { castellanProgram } from '../support/broker-process.ts'
import { quietPort } from '../support/free-port.ts'
import { type LineProcess, startProgram } from '../support/line-process.ts'
import { Ledger } from './ledger.ts'
import { Load } from './load.ts'
import type { World } from './load-client.ts'

export interface KillPlan {
  readonly kills: number
  /** Chooses what is done and when; the machine chooses how far the broker is then. */
  readonly seed: number
  readonly durability: Durability
  /** A module that the broker loads before its own. */
  readonly preload?: string
  /** Ends early when something was found wrong. */
  readonly stopAtFault?: boolean
}

/** Longest life of the broker, in milliseconds: a short one is as good, and there are more of them. */
const longestLifeMs = 900
/** Milliseconds without any progress after which what is missing counts as lost. */
const patienceMs = 8000
/** The same when it is known already that something is wrong. */
const shortPatienceMs = 1000

/** @returns the books, closed: `faults` is empty when the broker has kept its word */
export async function runKills(t: Pick<TestContext, 'after'>, plan: KillPlan): Promise<Ledger> {
  const run = new KillRun(t, plan, await quietPort())
  t.after(() => run.depart())
  await run.begin()
  for (let left = plan.kills; left > 0 && !(plan.stopAtFault && run.world.ledger.faults.length > 0); left--) {
    await run.live()
    await run.kill()
    await run.restart()
  }
  await run.end()
  return run.world.ledger
}

class KillRun {
  readonly #t: Pick<TestContext, 'after'>
  readonly #plan: KillPlan
  readonly #directory: string
  readonly #load: Load
  readonly world: World & { isUp: boolean; isEnding: boolean }
  #program: LineProcess | undefined

  constructor(t: Pick<TestContext, 'after'>, plan: KillPlan, port: number) {
    this.#t = t
    this.#plan = plan
    this.#directory = mkdtempSync(join(tmpdir(), 'castellan-kill-'))
    t.after(() => rmSync(this.#directory, { recursive: true, force: true }))
    const { seed, durability } = plan
    writeFileSync(join(this.#directory, 'dynamic-security.json'), openToAll, { mode: 0o600 })
    writeFileSync(this.#config, configText(port, this.#directory, durability))
    this.world = {
      port,
      random: new Random(seed),
      ledger: new Ledger(),
      streams: new Map(),
      isUp: false,
      isEnding: false,
    }
    this.#load = new Load(this.world)
  }

  async begin(): Promise<void> {
    await this.#start()
    await this.#load.begin()
  }

  async live(): Promise<void> {
    const { random } = this.world
    this.#load.live()
    await delay(random.oneIn(6) ? random.below(60) : 100 + random.below(longestLifeMs - 100))
  }

  async kill(): Promise<void> {
    this.world.isUp = false
    await this.#program?.kill()
    // What the broker had sent counts: it is in the clients' sockets.
    while (this.#load.clients.some(client => client.isLinked)) await delay(1)
    for (const client of this.#load.clients) client.brokerDied()
  }

  async restart(): Promise<void> {
    const { random } = this.world
    if (random.oneIn(8)) {
      // It dies while it takes in what was left, too.
      const program = this.#spawn()
      await delay(150 + random.below(250))
      await program.kill()
    }
    await this.#start()
  }

  async end(): Promise<void> {
    this.world.isEnding = true
    await this.#load.finish(this.world.ledger.faults.length === 0 ? patienceMs : shortPatienceMs)
    this.depart()
    const { code } = (await this.#program?.stop()) ?? {}
    if (code !== 0)
      this.world.ledger.fault(`the broker ended with ${code}: ${this.#program?.lines.slice(-5).join('\n')}`)
    if (this.world.ledger.faults.length === 0) await this.#checkStore()
  }

  /** Nobody does anything any more. */
  depart(): void {
    this.world.isUp = false
    for (const client of this.#load.clients) client.leave('breaks off')
  }

  async #start(): Promise<void> {
    const program = this.#spawn()
    await program.waitForLine(/castellan version \S+ running/)
    const wrong = program.lines.find(line => /error/i.test(line))
    if (wrong !== undefined) this.world.ledger.fault(`the broker says: ${wrong}`)
    this.world.isUp = true
    for (const client of this.#load.clients) client.brokerIsUp()
  }

  #spawn(): LineProcess {
    const { preload } = this.#plan
    const env = preload === undefined ? {} : { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` }
    this.#program = startProgram(this.#t, castellanProgram, ['run', '-c', this.#config], { env })
    return this.#program
  }

  get #config(): string {
    return join(this.#directory, 'broker.conf')
  }

  /** Everything was fetched and acknowledged: nothing may be left of it. */
  async #checkStore(): Promise<void> {
    const faults: unknown[] = []
    const directory = join(this.#directory, 'castellan-store')
    const store = await openStore({ engine: 'lmdb', directory, onFault: fault => faults.push(fault) })
    const { rows } = store.stats()
    await store.close()
    if (rows.queue > 0 || rows.messages > 0 || rows.inbound > 0) {
      this.world.ledger.fault(`the store keeps what nobody waits for: ${JSON.stringify(rows)}`)
    }
    if (faults.length > 0) this.world.ledger.fault(`the store is damaged: ${JSON.stringify(faults)}`)
  }
}

/** Whoever has no name does the rest, and may do everything but control the broker. */
const openToAll = JSON.stringify({
  ...JSON.parse(initialFile),
  defaultACLAccess: { publishClientSend: true, publishClientReceive: true, subscribe: true, unsubscribe: true },
})

function configText(port: number, directory: string, durability: Durability): string {
  return `listener ${port} 127.0.0.1
allow_anonymous true
plugin ${dynamicSecurityPlugin}
plugin_opt_config_file ${join(directory, 'dynamic-security.json')}
persistence true
persistence_location ${directory}
persistence_durability ${durability}
max_queued_messages 0
max_queued_bytes 0
connection_messages false
log_type error
log_type warning
log_type information
${process.getuid?.() === 0 ? 'user root' : ''}
`
}
