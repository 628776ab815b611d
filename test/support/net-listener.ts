// A listener of the net room alone, with short limits and handlers that write down what happens.

import { EventEmitter, once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Log, LogType } from '../../src/base/log.ts'
import { TimerWheel } from '../../src/base/timer-wheel.ts'
import type { SocketConnection } from '../../src/net/connection.ts'
import type { Peer } from '../../src/net/connection-handler.ts'
import { type Listener, openListener } from '../../src/net/listener.ts'
import type { ListenerSettings, NetSettings } from '../../src/net/options.ts'
import { Outbox } from '../../src/net/outbox.ts'
import { RawBinding } from '../../src/net/raw-binding.ts'
import { RevocationFiles } from '../../src/net/revocation-files.ts'
import { TurnQueue } from '../../src/net/turn-queue.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'
import { RecordingHandler } from './recording-handler.ts'

/** `listener 0 127.0.0.1`, plain. */
export const listenerDefaults: ListenerSettings = {
  port: 0,
  address: '127.0.0.1',
  path: undefined,
  origin: 'test',
  bind_interface: undefined,
  cafile: undefined,
  capath: undefined,
  certfile: undefined,
  keyfile: undefined,
  ciphers: undefined,
  'ciphers_tls1.3': undefined,
  crl_expired: 'grace 7d',
  crl_fetch: false,
  crl_missing: 'reject',
  ocsp: 'off',
  ocsp_max_age: 3600,
  ocsp_responder: undefined,
  ocsp_stapling: false,
  ocsp_timeout: 2,
  crlfile: undefined,
  disable_client_cert_date_checks: false,
  enable_proxy_protocol: undefined,
  http_dir: undefined,
  max_connections: -1,
  protocol: 'mqtt',
  proxy_protocol_v2_require_tls: false,
  psk_hint: undefined,
  tls_groups: undefined,
  request_certificate: false,
  require_certificate: false,
  socket_domain: undefined,
  tls_engine: undefined,
  tls_engine_kpass_sha1: undefined,
  tls_keyform: 'pem',
  tls_version: 'tlsv1.2',
  websockets_origin: undefined,
}

const netDefaults: NetSettings = {
  crl_fetch_interval: 900,
  crl_fetch_max_bytes: 536_870_912,
  connect_timeout: 10,
  connection_messages: true,
  global_max_connections: -1,
  max_buffered_bytes: 1_048_576,
  max_connections_per_address: 0,
  max_packet_size: 100_000,
  max_pending_connections: 100,
  max_waiting_connections: 100,
  packet_buffer_size: 4096,
  packet_timeout: 1,
  raw_sockets: true,
  set_tcp_nodelay: false,
  tls_handshake_timeout: 1,
  tls_keylog: undefined,
  websockets_log_level: 0,
  write_timeout: 1,
}

export interface Accepted {
  readonly peer: Peer
  readonly transport: SocketConnection
  readonly handler: RecordingHandler
}

export class TestListener {
  readonly lines: string[] = []
  /** Limits that were reached. */
  readonly reached: string[] = []
  readonly accepted: Accepted[] = []
  readonly clock: FakeClock = fakeClock()
  readonly wheel = new TimerWheel(this.clock.now())
  hasRoom = true
  readonly raw: RawBinding | undefined
  /** What certificates are judged by; the fake clock stands in 2030. */
  wallClock = Date.now()
  /** What `psk_file` would say. */
  readonly presharedKeys = new Map<string, { readonly key: Uint8Array; readonly fingerprint: string }>()
  listener!: Listener
  readonly #net: NetSettings
  readonly #events = new EventEmitter().setMaxListeners(100)

  constructor(net: Partial<NetSettings>) {
    this.raw = net.raw_sockets === false ? undefined : new RawBinding()
    this.#net = { ...netDefaults, ...net }
  }

  async open(settings: Partial<ListenerSettings>): Promise<void> {
    const log: Log = { enabled: () => true, write: (type, line) => this.#logged(type, line) }
    const files = new RevocationFiles(log)
    await files.load([settings.crlfile])
    this.listener = await openListener(
      { ...listenerDefaults, ...settings },
      {
        log,
        clock: this.clock,
        wheel: this.wheel,
        outbox: new Outbox(),
        turns: new TurnQueue(this.clock),
        traffic: { received: () => {}, sent: () => {} },
        wallClock: () => this.wallClock,
        settings: () => this.#net,
        raw: this.raw,
        revocations: path => files.get(path),
        hasRoom: () => this.hasRoom,
        limitReached: limit => this.reached.push(limit),
        presharedKey: identity => this.presharedKeys.get(identity),
        accept: (peer, transport) => this.#accept(peer, transport),
      },
    )
  }

  /** Lets time pass for the deadlines. */
  pass(ms: number): void {
    this.clock.advance(ms)
    this.wheel.advance(this.clock.now())
  }

  /** The n-th peer that got as far as a handler. */
  async waitForAccepted(count = 1): Promise<Accepted> {
    while (this.accepted.length < count) await once(this.#events, 'accepted')
    return this.accepted[count - 1] as Accepted
  }

  /** Resolves with the first line, past or coming, that matches. */
  async waitForLine(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.lines.find(candidate => pattern.test(candidate))
      if (line !== undefined) return line
      await once(this.#events, 'line')
    }
  }

  /** A TCP connection to the listener, connected. */
  async connect(t: TestContext): Promise<Socket> {
    const socket = connect(this.listener.port, '127.0.0.1')
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }

  #accept(peer: Peer, transport: SocketConnection): RecordingHandler {
    const handler = new RecordingHandler()
    this.accepted.push({ peer, transport, handler })
    this.#events.emit('accepted')
    return handler
  }

  #logged(type: LogType, line: string): void {
    this.lines.push(`${type}: ${line}`)
    this.#events.emit('line')
  }
}

/** Opens and starts a listener that the test's end closes. */
export async function startListener(
  t: TestContext,
  settings: Partial<ListenerSettings> = {},
  net: Partial<NetSettings> = {},
): Promise<TestListener> {
  const test = new TestListener(net)
  await test.open(settings)
  test.listener.start()
  t.after(() => closeAll(test))
  return test
}

export function closeAll(test: TestListener): void {
  test.listener.close()
  for (const { transport } of test.accepted) transport.destroy()
}
