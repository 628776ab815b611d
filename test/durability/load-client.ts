// A client that is there through kills of the broker: it comes back, and knows what CONNACK has to say of its session.

import type { Random } from '../../fuzz/random.ts'
import { concat } from '../support/bytes.ts'
import { type ConnectFields, connectBytes, disconnectBytes, type Version } from '../support/packet-bytes.ts'
import { type RawPacket, readConnack } from '../support/packet-reader.ts'
import { property } from '../support/property-bytes.ts'
import type { Ledger, Stream } from './ledger.ts'
import { Link, type LinkEnd } from './link.ts'

/** What the clients of one run share. */
export interface World {
  readonly port: number
  readonly random: Random
  readonly ledger: Ledger
  readonly isUp: boolean
  /** Nothing new is begun any more; what was begun is brought to its end. */
  readonly isEnding: boolean
  /** Every stream that was ever begun, by name. */
  readonly streams: Map<string, Stream>
}

export interface ConnectWish {
  readonly cleanStart: boolean
  /** Seconds; before MQTT 5 anything above 0 goes with `cleanStart: false`. */
  readonly expiry: number
  readonly receiveMaximum?: number
  readonly will?: ConnectFields['will']
  readonly username?: string
  readonly password?: string
}

/** What is certain of the client's session in the broker. */
type Known = 'absent' | 'present' | 'unknown'

/** Milliseconds between the end of a connection and the next attempt. */
const pauseMs = 15
/** Steps of its life that a client can tell when something is wrong with its session. */
const keptSteps = 12

export abstract class LoadClient implements LinkEnd {
  readonly world: World
  readonly clientId: string
  readonly version: Version
  #link: Link | undefined
  #wish: ConnectWish | undefined
  #isConnected = false
  #known: Known = 'absent'
  /** What the CONNECT under way makes certain if nothing more is heard of it. */
  #knownBefore: Known = 'absent'
  #isWanted = false
  #pause: NodeJS.Timeout | undefined
  readonly #steps: string[] = []

  constructor(world: World, clientId: string, version: Version) {
    this.world = world
    this.clientId = clientId
    this.version = version
  }

  /** What CONNECT says this time. */
  protected abstract wish(): ConnectWish
  protected abstract connected(sessionPresent: boolean): void
  protected abstract packet(packet: RawPacket): void
  /** The connection ended without our doing. */
  protected lost(): void {}

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Connects, and from now on again whenever the connection is lost. */
  arrive(): void {
    this.#isWanted = true
    if (this.world.isUp && this.#link === undefined) this.#connect()
  }

  /** A second connection under the same client id, while the first is there. */
  takeOver(): void {
    if (!this.#isConnected || !this.world.isUp) return
    this.#link?.ignore()
    this.#connect()
  }

  /** Ends the connection and stays away. @param expiry of the session, as DISCONNECT has it (MQTT 5) */
  leave(how: 'breaks off' | 'says goodbye', expiry?: number): void {
    this.#note(expiry === undefined ? how : `${how}, expiry ${expiry}`)
    this.#isWanted = false
    clearTimeout(this.#pause)
    const link = this.#link
    this.#closed()
    if (how === 'breaks off') {
      link?.destroy()
      return
    }
    const properties = expiry === undefined ? undefined : property.sessionExpiryInterval(expiry)
    link?.send(disconnectBytes(0, properties))
    link?.finish()
    // DISCONNECT is never answered: whether it arrived is for the next CONNACK to say.
    if (expiry === 0) this.#known = 'unknown'
  }

  /** Whether the broker still has the session is not certain any more. */
  protected forgetSession(): void {
    this.#known = 'unknown'
  }

  get isLinked(): boolean {
    return this.#link !== undefined
  }

  send(...packets: readonly Uint8Array[]): void {
    this.#link?.send(...packets)
  }

  closed(link: Link): void {
    if (link !== this.#link) return
    this.#note('closed by the other side')
    this.#closed()
    this.lost()
    if (!this.#isWanted || !this.world.isUp) return
    this.#pause = setTimeout(() => this.arrive(), pauseMs)
  }

  /** The broker was killed, and whatever it had sent has arrived. */
  brokerDied(): void {
    this.#note('the broker died')
    clearTimeout(this.#pause)
    this.#link?.destroy()
    if (this.#link !== undefined) this.#closed()
    this.lost()
  }

  brokerIsUp(): void {
    if (this.#isWanted && this.#link === undefined) this.#connect()
  }

  received(_link: Link, packet: RawPacket): void {
    if (this.#isConnected) {
      if (packet.name === 'DISCONNECT') this.#note(`DISCONNECT ${Buffer.from(packet.bytes).toString('hex')}`)
      else if (packet.name !== 'PINGRESP') this.packet(packet)
    } else if (packet.name === 'CONNACK') {
      this.#receiveConnack(packet)
    } else {
      this.world.ledger.fault(`${this.clientId} got ${packet.name} before CONNACK`)
    }
  }

  #receiveConnack(packet: RawPacket): void {
    const { reasonCode, sessionPresent } = readConnack(packet, this.version)
    if (reasonCode !== 0) {
      this.#known = this.#knownBefore
      return
    }
    this.#note(`CONNACK, session ${sessionPresent ? 'present' : 'not present'}`)
    const { cleanStart, expiry } = this.#wish as ConnectWish
    this.world.ledger.counts.sessions++
    const wanted = cleanStart ? 'absent' : this.#knownBefore
    if (wanted === 'absent' && sessionPresent) {
      this.world.ledger.fault(`session: ${this.clientId} found a session that was gone: ${this.#steps.join('; ')}`)
    }
    if (wanted === 'present' && !sessionPresent)
      this.world.ledger.fault(`session: ${this.clientId} lost its session: ${this.#steps.join('; ')}`)
    this.#isConnected = true
    this.#known = expiry > 0 ? 'present' : 'absent'
    this.connected(sessionPresent)
  }

  #connect(): void {
    const wish = inWordsOf(this.version, this.wish())
    this.#wish = wish
    const { cleanStart, expiry, receiveMaximum, will, username, password } = wish
    this.#note(`CONNECT${cleanStart ? ', clean start' : ''}, expiry ${expiry}`)
    const properties = concat(
      property.sessionExpiryInterval(expiry),
      receiveMaximum === undefined ? new Uint8Array() : property.receiveMaximum(receiveMaximum),
    )
    this.#isConnected = false
    this.#knownBefore = this.#known
    // Without an answer: only who resumes what is there, to keep it, changes nothing.
    if (cleanStart || expiry === 0 || this.#known !== 'present') this.#known = 'unknown'
    this.#link = new Link(this.world.port, this)
    const { version, clientId } = this
    const who = username !== undefined && password !== undefined ? { username, password } : {}
    this.#link.send(
      connectBytes({ version, clientId, cleanStart, keepAlive: 0, properties, ...who, ...(will && { will }) }),
    )
  }

  #note(step: string): void {
    this.#steps.push(step)
    if (this.#steps.length > keptSteps) this.#steps.shift()
  }

  /** Without the session of a connection that is gone, nothing of it is left. */
  #closed(): void {
    this.#link = undefined
    this.#isConnected = false
  }
}

/** Before MQTT 5 one flag says both. */
function inWordsOf(version: Version, wish: ConnectWish): ConnectWish {
  return version === 5 ? wish : { ...wish, expiry: wish.cleanStart ? 0 : 3600 }
}
