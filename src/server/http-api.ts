// A listener with `protocol http_api`, beside those that speak MQTT: bound, reloaded and closed as they are, with the answers
// of `/api/v1` and the files of `http_dir`.

import type { Server as HttpServer, RequestListener } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { escapeText } from '../base/escape.ts'
import { createLimitedServer, createSecureLimitedServer, type ServerLimits } from '../base/limited-server.ts'
import type { Log } from '../base/log.ts'
import { version } from '../base/version.ts'
import type { Broker } from '../broker/broker.ts'
import type { ListenerContext } from '../broker/listener-context.ts'
import { type ApiDeps, type ApiResource, answerApi } from '../http/api.ts'
import { httpLimits } from '../http/listener.ts'
import { ServedDirectory } from '../http/served-directory.ts'
import { bind, bindAddresses } from '../net/bind.ts'
import { noNetwork, switchedTls } from '../net/errors.ts'
import type { Listener } from '../net/listener.ts'
import { loadTlsOptions } from '../net/tls-context.ts'
import { ApiDoor } from './http-api-door.ts'
import type { Config, ListenerSettings } from './options.ts'

export interface HttpApiDeps {
  readonly broker: Broker
  readonly log: Log
  /** As last reloaded. */
  config(): Config
  /** What `$SYS` last said, by topic; empty where it says nothing. */
  systree(): ReadonlyMap<string, string>
}

/** What of the settings names files, read and tried; `--test-config` asks for the same. @throws AppError */
export function loadApiFiles(settings: ListenerSettings, log: Log) {
  return {
    tls: settings.certfile === undefined ? undefined : loadTlsOptions(settings, log),
    directory: settings.http_dir === undefined ? undefined : new ServedDirectory(settings.http_dir),
  }
}

/**
 * Binds every address of the listener; connections wait until `start()`.
 *
 * @throws AppError when an address cannot be bound or a file is unusable; then nothing stays bound
 */
export async function openHttpApi(
  settings: ListenerSettings,
  context: ListenerContext,
  deps: HttpApiDeps,
): Promise<Listener> {
  const listener = new HttpApiListener(settings, context, deps)
  try {
    await listener.bind()
  } catch (error) {
    listener.close()
    throw error
  }
  return listener
}

class HttpApiListener implements Listener {
  settings: ListenerSettings
  port = 0
  readonly trust = undefined
  readonly #log: Log
  readonly #answer: ApiDeps
  readonly #servers: (HttpServer | HttpsServer)[] = []
  #files: ReturnType<typeof loadApiFiles>
  #connections = 0
  #start: (() => void) | undefined
  /** Requests wait for it. */
  readonly #started = new Promise<void>(resolve => {
    this.#start = resolve
  })

  constructor(settings: ListenerSettings, context: ListenerContext, deps: HttpApiDeps) {
    this.settings = settings
    this.#log = deps.log
    this.#files = loadApiFiles(settings, deps.log)
    const door = new ApiDoor(deps.broker, context)
    this.#answer = {
      log: deps.log,
      judge: (credentials, peer) => door.judge(credentials, peer),
      hostNames: () => [...deps.config().global.metrics_host, ...ownName(this.settings)],
      resources: resources(deps),
      directory: () => this.#files.directory,
    }
  }

  get connections(): number {
    return this.#connections
  }

  async bind(): Promise<void> {
    for (const { address, family, optional } of await bindAddresses(this.settings)) {
      const server = this.#server()
      const port = this.settings.port === 0 ? this.port : this.settings.port
      if (!(await bind(server, { host: address, port, ipv6Only: family === 6 }, optional))) continue
      this.#servers.push(server)
      this.port = (server.address() as AddressInfo).port
      // No file descriptors, and the like: this client is lost, the listener goes on.
      server.on('error', error => {
        this.#log.write('error', `Error: Unable to accept a connection of the http_api: ${escapeText(error.message)}.`)
      })
      this.#log.write('information', `Opening http api listen socket on port ${this.port}.`)
    }
    if (this.#servers.length > 0) return
    throw noNetwork()
  }

  advance(): void {}

  start(): void {
    this.#start?.()
  }

  prepareReload(settings: ListenerSettings): () => void {
    const files = loadApiFiles(settings, this.#log)
    if ((files.tls === undefined) !== (this.#files.tls === undefined)) {
      throw switchedTls()
    }
    return () => {
      this.settings = settings
      this.#files = files
      for (const server of this.#servers) {
        if (files.tls !== undefined && 'setSecureContext' in server) server.setSecureContext(files.tls)
      }
    }
  }

  close(): void {
    for (const server of this.#servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
  }

  #server(): HttpServer | HttpsServer {
    const limits = limitsOf(this.settings)
    const onRequest: RequestListener = (request, response) => {
      void this.#started.then(() => answerApi(request, response, this.#answer))
    }
    const { tls } = this.#files
    const server =
      tls === undefined ? createLimitedServer(limits, onRequest) : createSecureLimitedServer(limits, onRequest, tls)
    server.on('connection', (socket: Socket) => {
      this.#connections++
      socket.on('close', () => this.#connections--)
    })
    return server
  }
}

/** `max_connections`, as far as it is less than what such a listener has anyway. */
function limitsOf({ max_connections: most }: ListenerSettings): ServerLimits {
  return most < 0 ? httpLimits : { ...httpLimits, connections: Math.min(httpLimits.connections, most) }
}

function ownName({ address }: ListenerSettings): readonly string[] {
  return address === undefined ? [] : [address.toLowerCase()]
}

function resources({ config, systree }: HttpApiDeps): ReadonlyMap<string, () => ApiResource | undefined> {
  return new Map([
    ['/api/v1/systree', () => json(numbers(systree()))],
    ['/api/v1/listeners', () => json({ listeners: config().listeners.map(describe) })],
    ['/api/v1/version', () => ({ type: 'text/plain; charset=utf-8', body: version() })],
  ])
}

function json(value: object | undefined): ApiResource | undefined {
  return value && { type: 'application/json', body: `${JSON.stringify(value, undefined, 2)}\n` }
}

/** Whole numbers, the uptime in seconds among them; as Mosquitto, without the averages and texts. */
function numbers(topics: ReadonlyMap<string, string>): Readonly<Record<string, number>> | undefined {
  const found = [...topics].flatMap(([topic, value]) => {
    const whole = /^(\d+)( seconds)?$/.exec(value)?.[1]
    return whole === undefined ? [] : [[topic, Number(whole)] as const]
  })
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

/** Mosquitto's words, which differ from those of the option. */
const protocolNames = { mqtt: 'mqtt', websockets: 'websockets', http_api: 'httpapi' } as const

function describe({ path, port, protocol, certfile, require_certificate, allow_anonymous }: ListenerSettings): object {
  return {
    ...(path === undefined ? { port } : { path }),
    protocol: protocolNames[protocol],
    tls: certfile !== undefined,
    mtls: require_certificate,
    allow_anonymous,
  }
}
