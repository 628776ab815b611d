// All clients of a run: who they are, what they do in each life of the broker, and when they are through.

import { setTimeout as delay } from 'node:timers/promises'
import { ControlLoad } from './control-load.ts'
import { FilterLoad } from './filter-load.ts'
import { Inbox } from './ledger.ts'
import type { LoadClient, World } from './load-client.ts'
import { Publisher } from './publisher.ts'
import { RetainedLoad, RetainedLook } from './retained-load.ts'
import { ExpiryLoad, SessionEnd, SessionLoad } from './session-load.ts'
import { Subscriber, type SubscriberPlan } from './subscriber.ts'
import { WillLeaver, WillWatcher } from './will-load.ts'

const topics = ['stream/a', 'stream/b']
/** Milliseconds after which a session that lasts a second is gone for certain. */
const expiredMs = 1600

export class Load {
  readonly clients: LoadClient[] = []
  readonly #world: World
  readonly #publishers: Publisher[]
  readonly #subscribers: Subscriber[]
  readonly #inboxes: Inbox[] = []
  readonly #sharedInbox: Inbox
  readonly #filters: FilterLoad[]
  readonly #retained: RetainedLoad
  readonly #look: RetainedLook
  readonly #sessions: SessionLoad[]
  readonly #watcher: WillWatcher
  readonly #controls: ControlLoad[]
  #leavers: WillLeaver[] = []
  readonly #expiries: ExpiryLoad[] = []
  #lives = 0

  constructor(world: World) {
    this.#world = world
    this.#sharedInbox = new Inbox('the group', 2, world.ledger, false)
    this.#publishers = [
      new Publisher(world, 'p1', { version: 5, qos: 1, lasts: true, window: 4, topics }),
      new Publisher(world, 'p2', { version: 4, qos: 2, lasts: true, window: 4, topics }),
      new Publisher(world, 'p3', { version: 5, qos: 2, lasts: true, window: 1, topics }),
      new Publisher(world, 'p4', { version: 4, qos: 1, lasts: false, window: 8, topics }),
      new Publisher(world, 'p5', { version: 5, qos: 2, lasts: false, window: 2, topics }),
    ]
    this.#subscribers = [
      this.#subscriber('stays-2', { version: 5, qos: 2, habit: 'stays' }),
      this.#subscriber('stays-1', { version: 4, qos: 1, habit: 'stays' }),
      this.#subscriber('narrow', { version: 5, qos: 2, habit: 'comes and goes', receiveMaximum: 1 }),
      this.#subscriber('restless', { version: 4, qos: 2, habit: 'comes and goes' }),
      this.#subscriber('taken', { version: 5, qos: 2, habit: 'takes over', receiveMaximum: 10 }),
      this.#subscriber('away', { version: 4, qos: 2, habit: 'is away' }),
      this.#member('member-1', 'stays'),
      this.#member('member-2', 'comes and goes'),
      this.#member('member-3', 'is away'),
    ]
    this.#filters = [new FilterLoad(world, 'filters-5', 5), new FilterLoad(world, 'filters-4', 4)]
    this.#retained = new RetainedLoad(world, 'retains', 5)
    this.#look = new RetainedLook(world, this.#retained)
    this.#sessions = [
      new SessionLoad(world, 'session-1', 5),
      new SessionLoad(world, 'session-2', 5),
      new SessionLoad(world, 'session-3', 4),
    ]
    this.#watcher = new WillWatcher(world)
    this.#controls = [new ControlLoad(world, 'controls-5', 5)]
    this.clients.push(...this.#publishers, ...this.#subscribers, ...this.#filters, this.#retained, this.#look)
    this.clients.push(...this.#sessions, this.#watcher, ...this.#controls)
  }

  #subscriber(clientId: string, plan: Omit<SubscriberPlan, 'filter' | 'inbox'>): Subscriber {
    const inbox = new Inbox(clientId, plan.qos, this.#world.ledger)
    this.#inboxes.push(inbox)
    return new Subscriber(this.#world, clientId, { ...plan, filter: 'stream/#', inbox })
  }

  #member(clientId: string, habit: SubscriberPlan['habit']): Subscriber {
    const filter = '$share/group/stream/#'
    return new Subscriber(this.#world, clientId, { version: 5, qos: 2, filter, habit, inbox: this.#sharedInbox })
  }

  /** Everybody subscribes, then the first message is published. */
  async begin(): Promise<void> {
    await Promise.all([...this.#subscribers, this.#watcher].map(subscriber => subscriber.begin()))
    for (const subscriber of this.#subscribers) subscriber.settle()
    const busy = [...this.#publishers, ...this.#filters, this.#retained, ...this.#sessions, ...this.#controls]
    for (const client of busy) client.arrive()
  }

  /** One life of the broker. */
  live(): void {
    this.#lives++
    void this.#look.look()
    for (const delaySeconds of [0, 1]) this.#leaveWill(delaySeconds)
    const expiry = new ExpiryLoad(this.#world, `expires-${this.#lives}`, 5)
    this.#expiries.push(expiry)
    this.clients.push(expiry)
    expiry.arrive()
    const { random } = this.#world
    if (random.oneIn(2)) random.pick(this.#publishers).takeOver()
    if (random.oneIn(2)) this.#subscribers.find(({ clientId }) => clientId === 'away')?.arrive()
  }

  /** Some go by themselves, most with the broker. */
  #leaveWill(delaySeconds: number): void {
    const before = this.#leavers.at(-1)
    if (before?.isConnected === true && this.#world.random.oneIn(2)) before.leave('breaks off')
    const leaver = new WillLeaver(this.#world, `leaver-${this.#lives}-${delaySeconds}`, this.#watcher, delaySeconds)
    this.#leavers.push(leaver)
    this.clients.push(leaver)
    leaver.arrive()
  }

  /** Brings everything to its end, and closes the books. */
  async finish(patienceMs: number): Promise<void> {
    for (const leaver of this.#leavers) leaver.leave('breaks off')
    for (const subscriber of this.#subscribers) subscriber.comeHome()
    const upSince = performance.now()
    await this.#untilStill(patienceMs)
    await this.#look.look()
    await delay(Math.max(0, upSince + expiredMs - performance.now()))
    for (const expiry of this.#expiries) await expiry.comeBack()
    // Or they would come back, once their last trace is ended, and look for it.
    for (const session of this.#sessions) session.leave('breaks off')
    for (const { clientId, version } of this.#sessions) await new SessionEnd(this.#world, clientId, version).end()
    const streams = [...this.#world.streams.values()]
    for (const inbox of [...this.#inboxes, this.#sharedInbox]) inbox.closeBooks(streams)
    for (const filter of this.#filters) filter.closeBooks()
    this.#watcher.closeBooks()
    const stuck = [...this.#publishers, this.#retained].filter(({ isDone }) => !isDone)
    for (const { clientId } of stuck) this.#world.ledger.fault(`${clientId} never got its last answers`)
  }

  /** Until nothing is missing, or nothing has moved for so long. */
  async #untilStill(patienceMs: number): Promise<void> {
    let before = ''
    let since = performance.now()
    while (this.#isWaiting && performance.now() < since + patienceMs) {
      await delay(20)
      const now = JSON.stringify(this.#world.ledger.counts)
      if (now === before) continue
      before = now
      since = performance.now()
    }
  }

  get #isWaiting(): boolean {
    const streams = [...this.#world.streams.values()]
    return (
      [...this.#publishers, this.#retained].some(({ isDone }) => !isDone) ||
      [...this.#inboxes, this.#sharedInbox].some(inbox => inbox.missing(streams).length > 0) ||
      this.#filters.some(({ isDone }) => !isDone) ||
      this.#watcher.missing.length > 0
    )
  }
}
