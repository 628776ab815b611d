// Kills the broker with SIGKILL while four administrators send it commands, again and again, and looks after each start
// whether what was answered is so; after a clean stop the file alone has to say it.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Random } from '../../fuzz/random.ts'
import { recover } from '../../src/dynsec/recover.ts'
import { dynamicSecurityPlugin, initialFile } from '../support/administrator.ts'
import { castellanProgram } from '../support/broker-process.ts'
import { quietPort } from '../support/free-port.ts'
import { type LineProcess, startProgram } from '../support/line-process.ts'
import { type ClientBooks, CommandSender } from './command-sender.ts'

export interface ControlKillPlan {
  readonly kills: number
  /** Chooses what is asked, and behind how many answers the broker is killed. */
  readonly seed: number
  /** Commands in all; the lives of the broker share them. */
  readonly commands: number
  /** A module that the broker loads before its own. */
  readonly preload?: string
}

export interface ControlKillOutcome {
  /** What was answered and is not so, and whatever else is wrong. */
  readonly faults: readonly string[]
  readonly answered: number
  /** Kills at which the log had changes that the file had not. */
  readonly behind: number
  /** Kills before which the file had been written. */
  readonly written: number
}

const senders = 4
/** Milliseconds of quiet in some lives: the file is written after a second of it, and a kill may come before, meanwhile or behind. */
const leastRestMs = 1000
const mostRestMs = 1300

/** Ends early when something was found wrong. */
export async function runControlKills(
  t: Pick<TestContext, 'after'>,
  plan: ControlKillPlan,
): Promise<ControlKillOutcome> {
  const run = new ControlKillRun(t, plan, await quietPort())
  for (let kill = 0; kill < plan.kills && run.faults.length === 0; kill++) await run.liveAndDie()
  if (run.faults.length === 0) await run.liveAndStop()
  return run
}

class ControlKillRun implements ControlKillOutcome {
  readonly faults: string[] = []
  answered = 0
  behind = 0
  written = 0
  #holds = 0
  readonly #t: Pick<TestContext, 'after'>
  readonly #plan: ControlKillPlan
  readonly #random: Random
  readonly #port: number
  readonly #directory: string
  /** One for each sender, whose clients nobody else touches. */
  readonly #books: readonly ClientBooks[] = Array.from({ length: senders }, () => ({ is: new Map(), asked: undefined }))

  constructor(t: Pick<TestContext, 'after'>, plan: ControlKillPlan, port: number) {
    this.#t = t
    this.#plan = plan
    this.#random = new Random(plan.seed)
    this.#port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'castellan-kill-'))
    t.after(() => rmSync(this.#directory, { recursive: true, force: true }))
    writeFileSync(this.#file, initialFile, { mode: 0o600 })
    writeFileSync(this.#config, this.#configText())
  }

  /** SIGKILL comes behind some answer, wherever the broker is then with what was asked next. */
  async liveAndDie(): Promise<void> {
    const broker = await this.#start()
    const average = Math.ceil(this.#plan.commands / this.#plan.kills)
    const senders = this.#send(this.#random.below(2 * average))
    await senders.enough
    if (this.#random.oneIn(3)) {
      senders.rest()
      await delay(leastRestMs + this.#random.below(mostRestMs - leastRestMs))
      if (this.#random.oneIn(2)) senders.wake()
    }
    await broker.kill()
    await senders.ended
    this.#compare('after a kill')
  }

  async liveAndStop(): Promise<void> {
    const broker = await this.#start()
    const senders = this.#send(20)
    await senders.enough
    const { code } = await broker.stop()
    await senders.ended
    if (code !== 0) this.faults.push(`the broker ended with ${code}`)
    if (existsSync(`${this.#file}.changes`)) this.faults.push('the log is there after a clean stop')
    this.#compare('after a clean stop')
  }

  async #start(): Promise<LineProcess> {
    const { preload } = this.#plan
    const env = preload === undefined ? {} : { NODE_OPTIONS: `--import ${pathToFileURL(preload)}` }
    const broker = startProgram(this.#t, castellanProgram, ['run', '-c', this.#config], { env })
    await broker.waitForLine(/castellan version \S+ running/)
    const wrong = broker.lines.find(line => /error|security: change|edited/i.test(line))
    if (wrong !== undefined) this.faults.push(`the broker says: ${wrong}`)
    return broker
  }

  /** `enough` when that many commands have been answered, `ended` when all connections have. */
  #send(most: number) {
    const enough = Promise.withResolvers<void>()
    let left = most
    const answered = () => {
      this.answered++
      if (left-- <= 0) enough.resolve()
    }
    const fault = (text: string) => {
      this.faults.push(text)
      enough.resolve()
    }
    const parts = { port: this.#port, random: this.#random, answered, fault }
    const senders = this.#books.map((books, index) => new CommandSender({ ...parts, index, books }))
    const ended = Promise.all(senders.map(sender => sender.run())).then(() => enough.resolve())
    const rest = () => {
      for (const sender of senders) sender.rest()
    }
    const wake = () => {
      for (const sender of senders) sender.wake()
    }
    return { enough: enough.promise, ended, rest, wake }
  }

  /** What is on the disk, read as a start reads it. */
  #compare(when: string): void {
    const { state, commands, holds } = recover(this.#file)
    if (commands.length > 0) this.behind++
    if (holds > this.#holds) this.written++
    this.#holds = holds
    const found = new Map(state.clients.values().map(({ name, textName }) => [name, textName ?? '']))
    for (const { is, asked } of this.#books) {
      for (const name of new Set([...is.keys(), ...(asked === undefined ? [] : [asked.name])])) {
        const [was, has] = [is.get(name), found.get(name)]
        const isPending = asked?.name === name && asked.becomes === has
        if (has !== was && !isPending) this.faults.push(`${when} ${name} is '${has}', and was answered to be '${was}'`)
        is.set(name, has)
      }
    }
    for (const books of this.#books) books.asked = undefined
    const left = [...found.keys()].filter(name => name !== 'admin' && !this.#books.some(({ is }) => is.has(name)))
    if (left.length > 0) this.faults.push(`${when} there is what nobody has asked for: ${left.join(', ')}`)
    JSON.parse(readFileSync(this.#file, 'utf8'))
  }

  get #file(): string {
    return join(this.#directory, 'dynamic-security.json')
  }

  get #config(): string {
    return join(this.#directory, 'broker.conf')
  }

  #configText(): string {
    return `listener ${this.#port} 127.0.0.1
plugin ${dynamicSecurityPlugin}
plugin_opt_config_file ${this.#file}
log_type error
log_type warning
log_type information
connection_messages false
${process.getuid?.() === 0 ? 'user root' : ''}
`
  }
}
