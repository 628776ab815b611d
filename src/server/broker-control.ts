// The broker as the commands of `$CONTROL/broker/v1` see it, put before its topic where `enable_control_api` is on.

import { X509Certificate } from 'node:crypto'
import { highAvailabilityPlugin } from '../auth/built-in-plugins.ts'
import { accessActions, questionFault } from '../auth/explanation.ts'
import type { DirectoryAction } from '../auth/user-directory.ts'
import { wallClock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Bans } from '../broker/ban-check.ts'
import type { Broker } from '../broker/broker.ts'
import type { ClientConnection } from '../broker/connection.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import type { BanFile } from '../control/ban-file.ts'
import { BrokerControl } from '../control/broker-control.ts'
import type { AccessQuery, BrokerView, ConnectionView } from '../control/broker-view.ts'
import { CommandError } from '../dynsec/errors.ts'
import type { JsonObject } from '../dynsec/json.ts'
import { ReasonCode } from '../mqtt/reason-code.ts'

import { askJudges, type Judge, listenerName } from './explain-access.ts'
import type { OpenListener } from './open-listeners.ts'
import type { Config } from './options.ts'

const topic = '$CONTROL/broker/v1'

export interface ControlParts {
  readonly broker: Broker
  readonly log: Log
  /** As last loaded. */
  config(): Config
  listeners(): readonly OpenListener[]
}

/**
 * Keeps out who is banned, and lets the commands in, to whoever the rules give the topic to.
 *
 * @param banFile undefined where nobody can be banned
 */
export function openBrokerControl(parts: ControlParts, banFile: BanFile | undefined): void {
  const { broker, config, log } = parts
  if (banFile !== undefined) broker.bans = rulesOf(banFile)
  if (!config().global.enable_control_api) return
  const bans = banFile && { file: banFile, now: wallClock }
  broker.endpoints.set(topic, new BrokerControl(() => new View(parts, banFile), log, bans))
}

function rulesOf(file: BanFile): Bans {
  return {
    ruleFor(clientId, username, address) {
      const ban = file.bans.find({ clientId, username, address }, wallClock())
      return ban && `the ${ban.kind} is banned`
    },
  }
}

/** Ends the connections of whoever is banned. */
export function expelBanned({ bans, connections }: Broker): void {
  for (const connection of connections) {
    if (connection.state !== 'connected') continue
    const { peer, session } = connection
    if (bans?.ruleFor(session.clientId, session.principal.username, peer.address) === undefined) continue
    // Nothing more is done in the client's name.
    session.will = undefined
    connection.end(ReasonCode.administrativeAction, 'banned')
  }
}

/** As it was when it was first looked at: one is made for each part of a message. */
class View implements BrokerView {
  readonly #parts: ControlParts
  readonly #banFile: BanFile | undefined
  #known: Map<string, ClientConnection> | undefined = undefined

  constructor(parts: ControlParts, banFile: BanFile | undefined) {
    this.#parts = parts
    this.#banFile = banFile
  }

  listeners(): readonly JsonObject[] {
    return this.#parts.listeners().map(({ listener: { port, settings } }) => ({
      port,
      protocol: controlNames[settings.protocol],
      'bind-address': settings.address,
      'socket-path': settings.path,
      tls: settings.certfile !== undefined || settings.psk_hint !== undefined,
    }))
  }

  plugins(): readonly JsonObject[] {
    const { broker, config } = this.#parts
    const { global, listeners } = config()
    const lines = [...global.global_plugin, ...global.plugin_load, ...listeners.flatMap(({ plugin }) => plugin)]
    const names = new Set(lines.map(({ baseName }) => pluginName(baseName)))
    return [...names].map(name => {
      const endpoints = [`$CONTROL/${name}/v1`].filter(endpoint => broker.endpoints.has(endpoint))
      return { name, 'control-endpoints': endpoints }
    })
  }

  connections(): readonly ConnectionView[] {
    return [...this.#connected.values()].map(viewOf)
  }

  connection(clientId: string): ConnectionView | undefined {
    const connection = this.#connected.get(clientId)
    return connection && viewOf(connection)
  }

  /**
   * Of a client that is connected by its name or without one, its own rights on its own listener; of anybody else those on each, as
   * of whoever would come by a certificate that is shown.
   */
  explain({ username, clientId, certificate: pem, address, qos, ...asked }: AccessQuery): JsonObject {
    const question = { ...asked, action: actionOf(asked.action) }
    if (questionFault(question) !== undefined) throw new CommandError('Invalid topic')
    const certificate = pem === undefined ? undefined : certificateOf(pem)
    const connection = certificate === undefined ? this.#connected.get(clientId) : undefined
    const principal = connection?.session.principal
    const isConnected = principal !== undefined && (username === undefined || username === principal.username)
    const contexts = this.#parts
      .listeners()
      .filter(({ listener }) => listener.settings.protocol !== 'http_api')
      .map(({ context }) => context)
    const asking = isConnected && connection !== undefined ? [connection.listener] : contexts
    const judges = asking.map(context => this.#judgeOf(context))
    const holder = isConnected ? principal : { username, roles: [], groups: [] }
    const { roles, groups } = holder
    return {
      client: { username: holder.username, clientid: clientId, connected: isConnected, roles, groups },
      answers: askJudges(judges, { candidate: holder, clientId, question, certificate, address, qos }),
    }
  }

  #judgeOf({ realm, settings }: ListenerContext): Judge {
    const bans = this.#banFile?.bans
    return {
      listener: listenerName(settings),
      mountPoint: settings.mount_point,
      settings: this.#parts.config().listeners.find(listener => listener === settings),
      findBan: bans && (who => bans.find(who, wallClock())),
      explain: (holder, clientId, question) => realm.explain(holder, clientId, question),
    }
  }

  expelBanned(): void {
    expelBanned(this.#parts.broker)
  }

  /** By client id, in the order in which they came; a message may ask for thousands of them. */
  get #connected(): ReadonlyMap<string, ClientConnection> {
    if (this.#known === undefined) {
      this.#known = new Map()
      for (const connection of this.#parts.broker.connections) {
        if (connection.state === 'connected') this.#known.set(connection.session.clientId, connection)
      }
    }
    return this.#known
  }
}

function actionOf(word: string): DirectoryAction {
  const action = accessActions.find(known => known === word)
  if (action === undefined) throw new CommandError('Invalid/missing action')
  return action
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new CommandError('Invalid certificate')
  }
}

/** What `listListeners` calls the values of `protocol`; of the one that is no MQTT it says nothing, as Mosquitto does. */
const controlNames = { mqtt: 'mqtt', websockets: 'mqtt+websockets', http_api: undefined } as const

/** As the plugin calls itself: `dynamic-security` of `mosquitto_dynamic_security.so`. */
function pluginName(baseName: string): string {
  if (baseName === highAvailabilityPlugin) return 'dynamic-security'
  return baseName.replace(/^mosquitto_|\.so$/g, '').replaceAll('_', '-')
}

function viewOf(connection: ClientConnection): ConnectionView {
  const { peer, session } = connection
  return {
    clientId: session.clientId,
    username: session.principal.username,
    address: peer.address,
    port: peer.port,
    describe: () => describe(connection),
    disconnect: reason => connection.end(ReasonCode.administrativeAction, reason),
  }
}

function describe({ agreement, listener, peer, protocolVersion, session, transport }: ClientConnection): JsonObject {
  return {
    listener: listener.settings.origin,
    protocol: { 3: '3.1', 4: '3.1.1', 5: '5.0' }[protocolVersion],
    keepalive: agreement.keepAlive,
    tls: peer.tls,
    certificate: peer.credential?.description,
    subscriptions: [...session.subscriptions.keys()],
    'queued-bytes': session.outbound.waitingBytes,
    'unsent-bytes': transport.queuedBytes,
  }
}
