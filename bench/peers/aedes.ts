// Starts Aedes as a program: `node bench/peers/aedes.ts mosquitto.conf`. Its own defaults, and of the file what it has an
// equivalent for: listener, TLS, passwords, access control list. It keeps no limits on inflight and queued messages.

import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { Aedes, type AedesOptions, type Client } from 'aedes'
import { AccessRules, Passwords } from './access-control.ts'
import { type PeerConf, readConf } from './conf.ts'

/** What a connection proved to be; anonymous ones are in none. */
const userOf = new WeakMap<Client, string>()

const conf = readConf(process.argv[2] ?? '')
const broker = await Aedes.createBroker(conf.access ? checkedAccess(conf.access) : {})
const server = conf.tls ? tlsServer(conf.tls) : createServer({ noDelay: true }, handle)
server.listen({ port: conf.port, host: conf.host, backlog: 1024 })

function handle(socket: Socket): void {
  broker.handle(socket)
}

/** With an authority, each client needs a certificate. */
function tlsServer({ certificate, key, authority }: NonNullable<PeerConf['tls']>) {
  const clients = authority === undefined ? {} : { ca: authority, requestCert: true, rejectUnauthorized: true }
  return createTlsServer({ cert: certificate, key, ...clients, noDelay: true }, (socket: TLSSocket) => handle(socket))
}

/** The same decisions as Mosquitto's: at CONNECT, and for what is published, subscribed to and forwarded. */
function checkedAccess({ passwords, acl }: NonNullable<PeerConf['access']>): AedesOptions {
  const [known, rules] = [new Passwords(passwords), new AccessRules(acl)]
  const permits = (client: Client, topicName: string, kind: 'read' | 'write') =>
    rules.permits(userOf.get(client) ?? '', client.id, topicName, kind)
  return {
    authenticate: (client, user, password, done) => {
      if (user === undefined || password === undefined) return done(null, false)
      known.verify(user, password).then(
        proven => {
          if (proven) userOf.set(client, user)
          done(null, proven)
        },
        () => done(null, false),
      )
    },
    authorizePublish: (client, packet, done) => {
      done(client === null || permits(client, packet.topic, 'write') ? null : new Error('not authorized'))
    },
    // As Mosquitto 2.0: a subscription is never refused for lack of read access, what it would deliver is.
    authorizeForward: (client, packet) => (permits(client, packet.topic, 'read') ? packet : null),
  }
}
