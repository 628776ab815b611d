// Starts the real program, or Debian's Mosquitto with the same files, so that one test can run over both.

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { freePort } from './free-port.ts'
import { type LineProcess, type ProgramExit, startProgram } from './line-process.ts'

/** The program under test, as a user starts it. */
export const castellanProgram = join(import.meta.dirname, '../../bin/castellan')
export const mosquittoProgram = '/usr/sbin/mosquitto'

/** What a configuration text may need to know: a free port of this run and the directory that holds `files`. */
export interface Place {
  readonly port: number
  readonly dir: string
}

export interface BrokerSetup {
  /** The text of mosquitto.conf; without it the program starts with `args` alone. */
  readonly config?: string | ((place: Place) => string)
  /** Further arguments, behind `-c FILE`. */
  readonly args?: readonly string[] | ((place: Place) => readonly string[])
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Files to write into the directory first, by relative path. */
  readonly files?: Readonly<Record<string, string>>
  /** The line that says it listens. */
  readonly ready?: RegExp
}

export type BrokerKind = 'castellan' | 'mosquitto'
/** For tests that hold for both: `for (const broker of both)`. */
export const both: readonly BrokerKind[] = ['castellan', 'mosquitto']

type Cleanup = Pick<TestContext, 'after'>

/** Starts Castellan (`castellan run`) and waits until it listens; the test's end stops it. */
export function startBroker(t: Cleanup, setup: BrokerSetup): Promise<BrokerProcess> {
  return start(t, 'castellan', setup)
}

/** Starts Debian's Mosquitto in the same way. */
export function startMosquitto(t: Cleanup, setup: BrokerSetup): Promise<BrokerProcess> {
  return start(t, 'mosquitto', setup)
}

/** Starts whichever is named. */
export function startEither(t: Cleanup, kind: BrokerKind, setup: BrokerSetup): Promise<BrokerProcess> {
  return start(t, kind, setup)
}

/** Starts a broker that is expected to end by itself, as one with a bad configuration does, and returns its output. */
export async function runBroker(t: Cleanup, kind: BrokerKind, setup: BrokerSetup): Promise<LineProcess> {
  const program = spawnBroker(t, kind, setup, await prepare(setup))
  await program.exit()
  return program
}

async function start(t: Cleanup, kind: BrokerKind, setup: BrokerSetup): Promise<BrokerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    const place = await prepare(setup)
    const program = spawnBroker(t, kind, setup, place)
    try {
      await program.waitForLine(setup.ready ?? readyLine[kind])
    } catch (error) {
      const clash = program.lines.some(line => /address already in use|EADDRINUSE/i.test(line))
      if (clash && attempt < 3) continue
      throw error
    }
    return new BrokerProcess(t, program, kind, place)
  }
}

const readyLine = { castellan: /castellan version \S+ running/, mosquitto: /mosquitto version \S+ running/ } as const

async function prepare(setup: BrokerSetup): Promise<Place> {
  const dir = await mkdtemp(join(tmpdir(), 'castellan-test-'))
  await chmod(dir, 0o755)
  const place = { dir, port: await freePort() }
  for (const [name, text] of Object.entries(setup.files ?? {})) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  const config = configText(setup, place)
  if (config !== undefined) await writeFile(join(dir, 'broker.conf'), config)
  return place
}

function configText({ config }: BrokerSetup, place: Place): string | undefined {
  if (config === undefined) return undefined
  const text = typeof config === 'function' ? config(place) : config
  // Started by root, a broker would become the user `mosquitto`, who may not read a test's files.
  return process.getuid?.() === 0 && !/^user\s/m.test(text) ? `${text}\nuser root\n` : text
}

function spawnBroker(t: Cleanup, kind: BrokerKind, setup: BrokerSetup, place: Place): LineProcess {
  const extra = typeof setup.args === 'function' ? setup.args(place) : (setup.args ?? [])
  const args = setup.config === undefined ? extra : ['-c', join(place.dir, 'broker.conf'), ...extra]
  const options = { cwd: place.dir, ...(setup.env && { env: setup.env }) }
  const program =
    kind === 'mosquitto'
      ? startProgram(t, mosquittoProgram, args, options)
      : startProgram(t, castellanProgram, ['run', ...args], options)
  t.after(() => rm(place.dir, { recursive: true, force: true })) // behind the program's own clean-up
  return program
}

/** A broker that listens. A death that the test did not ask for fails the test. */
export class BrokerProcess {
  readonly kind: BrokerKind
  readonly port: number
  /** The directory of its files; `broker.conf` is its configuration. */
  readonly dir: string
  readonly program: LineProcess

  constructor(t: Cleanup, program: LineProcess, kind: BrokerKind, place: Place) {
    this.program = program
    this.kind = kind
    this.port = place.port
    this.dir = place.dir
    t.after(() => {
      if (program.diedByItself) throw new Error(`${kind} ended by itself${program.report()}`)
    })
  }

  get lines(): readonly string[] {
    return this.program.lines
  }

  waitForLine(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    return this.program.waitForLine(pattern, from)
  }

  /** Replaces the configuration file; takes effect with {@link reload}. */
  async writeConfig(config: string | ((place: Place) => string)): Promise<void> {
    await writeFile(join(this.dir, 'broker.conf'), configText({ config }, this)!)
  }

  async writeFile(name: string, text: string): Promise<void> {
    await writeFile(join(this.dir, name), text)
  }

  /** SIGHUP, then waits for a line that tells the outcome. */
  async reload(outcome: RegExp = /reload/i): Promise<void> {
    const from = this.lines.length
    this.program.signal('SIGHUP')
    await this.waitForLine(outcome, from)
  }

  /** SIGTERM; returns how it ended. */
  stop(): Promise<ProgramExit> {
    return this.program.stop()
  }

  /** SIGKILL, as a power failure would. */
  async crash(): Promise<void> {
    await this.program.kill()
  }
}
