// Where the engine asks the library: which realm judges a listener's clients, and what stands for a connection.

import { type Application, createApplicationRealm } from '../auth/application-realm.ts'
import { createFileRealm } from '../auth/file-realm.ts'
import { PasswordVerifier, passwordVerifierDefaults } from '../auth/password-verifier.ts'
import type { Realm } from '../auth/realm.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Agreement } from '../broker/agreement.ts'
import type { Broker } from '../broker/broker.ts'
import { ClientConnection } from '../broker/connection.ts'
import type { Embedding } from '../server/embedding.ts'
import type { ListenerSettings } from '../server/options.ts'
import type { Session } from '../session/session.ts'
import type { Configuration } from './configuration.ts'
import { HookedAccess } from './hooked-access.ts'
import { HookedConnection } from './hooked-connection.ts'
import type { Program } from './program.ts'

export function embeddingOf(program: Program, configuration: Configuration, log: Log, clock: Clock): Embedding {
  const { own, given, givenWebSocket } = configuration
  const ownRealm = programRealm(log, clock)
  return {
    begun: (broker: Broker) => {
      program.calls.wheel = broker.wheel
      broker.sessionEnded = session => {
        if (ownSessions.has(session)) return
        program.events.emit('sessionEnd', { clientId: session.clientId, username: session.principal.username })
      }
    },
    realm: (inner: Realm, settings: ListenerSettings) =>
      settings === own ? ownRealm : createApplicationRealm(inner, applicationOf(program)),
    isUnbound: settings => settings === own || settings === given || settings === givenWebSocket,
    accept: (broker, peer, transport, listener) =>
      listener.realm === ownRealm
        ? new OwnConnection(broker, peer, transport, listener)
        : new HookedConnection(program, broker, peer, transport, listener),
  }
}

function applicationOf(program: Program): Application {
  const { authorizePublish, authorizeReceive } = program.hooks
  const isNarrowed = authorizePublish !== undefined || authorizeReceive !== undefined
  return {
    authenticate: program.authenticate,
    narrow: (access, { username }, clientId) =>
      isNarrowed ? new HookedAccess(access, { clientId, username }, program) : access,
  }
}

/** For the program itself, which needs no password; nobody else gets to its listener. `$SYS` and `$CONTROL` stay the broker's. */
function programRealm(log: Log, clock: Clock): Realm {
  return createFileRealm({
    allowAnonymous: true,
    passwords: undefined,
    acl: undefined,
    clientIdPrefixes: undefined,
    certificateIdentity: 'none',
    verifier: new PasswordVerifier(passwordVerifierDefaults, clock),
    log,
  })
}

/** Of connections that the program has to the broker itself. */
const ownSessions = new WeakSet<Session>()

/** The program's own: what is in one process needs no keep alive, and may be busy for as long as it likes. */
class OwnConnection extends ClientConnection {
  override become(agreement: Agreement): void {
    ownSessions.add(agreement.session)
    super.become({ ...agreement, keepAlive: 0 })
  }
}
