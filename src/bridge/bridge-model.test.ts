// Two engines with a bridge between them that breaks at any moment, again and again: what was published and acknowledged is
// compared with what came.

import assert from 'node:assert/strict'
import test from 'node:test'
import { Random } from '../../fuzz/random.ts'
import { BridgedEngine } from '../../test/support/bridged-engine.ts'
import { Engine, type EngineClient, lasting } from '../../test/support/engine.ts'

const versions = ['mqttv31', 'mqttv311', 'mqttv50'] as const
const steps = 250

/** Which broker loses the bridge's session now and then. */
type Forgetful = 'neither' | 'there' | 'here'

for (let seed = 1; seed <= 15; seed++) {
  const version = versions[seed % versions.length] ?? 'mqttv50'
  test(`§4.3 whatever breaks, nothing is lost at QoS 1 and 2 and nothing doubled at QoS 2: ${version}, seed ${seed}`, async () => {
    const model = await runModel(seed, version, 'neither')
    model.check('up', 'once')
    model.check('down', 'once')
  })
}

for (let seed = 1; seed <= 6; seed++) {
  const version = versions[seed % versions.length] ?? 'mqttv50'
  test(`[MQTT-3.2.2-5] what goes to a broker that loses the session is not lost: ${version}, seed ${seed}`, async () => {
    const model = await runModel(seed, version, 'there')
    model.check('up', 'at least once')
  })
  test(`§4.1 what comes from a broker to one that loses the session is not lost: ${version}, seed ${seed}`, async () => {
    const model = await runModel(seed, version, 'here')
    model.check('down', 'at least once')
  })
}

async function runModel(seed: number, version: string, forgetful: Forgetful): Promise<Model> {
  const model = new Model(seed, version, forgetful)
  await model.begin()
  for (let step = 0; step < steps; step++) await model.step()
  await model.end()
  return model
}

type Direction = 'up' | 'down'

class Model {
  readonly #random: Random
  readonly #forgetful: Forgetful
  readonly #other = new Engine()
  readonly #bridged: BridgedEngine
  readonly #sent: Record<Direction, Map<string, 1 | 2>> = { up: new Map(), down: new Map() }
  readonly #came: Record<Direction, string[]> = { up: [], down: [] }
  readonly #publishers: Record<Direction, EngineClient>
  readonly #subscribers: Record<Direction, EngineClient>

  constructor(seed: number, version: string, forgetful: Forgetful) {
    this.#random = new Random(seed)
    this.#forgetful = forgetful
    const lines = [
      'connection b',
      'address there',
      'remote_clientid rc',
      'restart_timeout 1',
      `bridge_protocol_version ${version}`,
      ...(version === 'mqttv50' ? ['bridge_session_expiry_interval 3600'] : []),
      'topic up/# out 2 "" from/',
      'topic down/# in 2 "" to/',
    ]
    this.#bridged = new BridgedEngine(lines.join('\n'), {}, this.#other)
    const { engine } = this.#bridged
    this.#publishers = { up: engine.connect('p', lasting()), down: this.#other.connect('p', lasting()) }
    this.#subscribers = { up: this.#other.connect('s', lasting()), down: engine.connect('s', lasting()) }
    this.#subscribers.up.subscribe('from/up/#')
    this.#subscribers.down.subscribe('down/#')
  }

  async begin(): Promise<void> {
    await this.#bridged.start()
    // Each side subscribes to the other once; what is published before is not for it.
    await this.#bridged.settle()
  }

  async step(): Promise<void> {
    const choice = this.#random.below(10)
    if (choice < 4) this.#publish('up')
    else if (choice < 8) this.#publish('down')
    else if (choice === 8) await this.#cut()
    else await this.#bridged.pass(1200)
    // Somewhere in the middle of what follows.
    for (let turns = this.#random.below(4); turns > 0; turns--) await new Promise(resolve => setImmediate(resolve))
    this.#receive()
  }

  async #cut(): Promise<void> {
    this.#bridged.cut()
    if (this.#forgetful === 'neither' || this.#random.oneIn(2)) return
    await this.#bridged.settle()
    const isHere = this.#forgetful === 'here'
    const { registry } = (isHere ? this.#bridged.engine : this.#other).broker
    const session = registry.get(isHere ? 'local.rc' : 'rc')
    if (session !== undefined && session.connection === undefined) registry.close(session)
  }

  async end(): Promise<void> {
    for (let round = 0; round < 10; round++) {
      await this.#bridged.pass(1200)
      this.#receive()
    }
  }

  /** @param most how often messages of QoS 2 may come */
  check(direction: Direction, most: 'once' | 'at least once'): void {
    const came = this.#came[direction]
    for (const [payload, qos] of this.#sent[direction]) {
      const times = came.filter(one => one === payload).length
      assert.ok(times === 1 || (times > 1 && (qos === 1 || most !== 'once')), `${payload} came ${times} times`)
    }
  }

  #publish(direction: Direction): void {
    const qos = this.#random.below(2) === 0 ? 1 : 2
    const payload = `${direction} ${this.#sent[direction].size} q${qos}`
    this.#sent[direction].set(payload, qos)
    const topicName = direction === 'up' ? 'up/a' : 'to/down/a'
    this.#publishers[direction].publish(topicName, payload, { qos })
    this.#publishers[direction].answerAll()
  }

  #receive(): void {
    for (const direction of ['up', 'down'] as const) {
      this.#publishers[direction].answerAll()
      this.#came[direction].push(...this.#subscribers[direction].answerAll())
    }
  }
}
