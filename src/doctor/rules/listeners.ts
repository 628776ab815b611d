// What listeners open, and to whom.

import type { Configuration, Listener } from '../configuration.ts'
import { type Observation, quoted, quotedList, type Rule } from '../finding.ts'

export const listenerRules: readonly Rule[] = [
  {
    id: 'D01',
    severity: 'critical',
    title: 'anonymous clients get in from other machines',
    why: 'Whoever reaches the port is a client: nobody is asked who they are.',
    fix: 'allow_anonymous false',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => !listener.isLocal && !listener.provesClients && configuration.allowsAnonymous(listener))
        .map(listener => ({
          place: configuration.anonymousLine(listener),
          evidence: `${quoted(listener.name)} lets clients in without a name`,
        })),
    // Asked over the loopback address, it may be for this machine alone.
    probe: ({ place, anonymous, isLocal }) =>
      anonymous?.isAccepted === true
        ? [{ place, evidence: 'a CONNECT without a user name was accepted', ...(isLocal && { severity: 'medium' }) }]
        : [],
  },
  {
    id: 'D02',
    severity: 'critical',
    title: 'a plaintext listener that other machines reach',
    why: 'Passwords and messages cross the network for everybody on the way to read and change; the number 8883 encrypts nothing.',
    fix: 'certfile /etc/mosquitto/certs/server.crt and keyfile /etc/mosquitto/certs/server.key below it; or for this machine alone: listener 1883 127.0.0.1',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => !listener.isLocal && !listener.isTls && listener.last('psk_hint') === undefined)
        .map(listener => ({ place: listener.place, evidence: plaintextEvidence(listener) })),
    probe: ({ place, isTls, isLocal }) =>
      isTls || isLocal ? [] : [{ place, evidence: 'it was reached without TLS, over the network' }],
  },
  {
    id: 'D04',
    severity: 'critical',
    title: 'no source of authentication',
    why: 'No password file, plugin, key or certificate says who clients are: a broker of today lets nobody in, and the line that is then added in a hurry, allow_anonymous true, lets in everybody.',
    fix: 'password_file /etc/mosquitto/passwd, made by: castellan passwd -c /etc/mosquitto/passwd NAME',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => !listener.isLocal && !hasSource(configuration, listener))
        .map(listener => ({
          place: listener.place,
          evidence: `nothing says who the clients of ${quoted(listener.name)} are`,
        })),
  },
  {
    id: 'D20',
    severity: 'high',
    title: 'a WebSocket listener without the certificates or revocation of the others',
    why: 'Who is refused at the one port, for having no certificate or a revoked one, comes in at the other.',
    fix: 'give it the same require_certificate, cafile and crlfile as the other listeners',
    check: ({ configuration }) => configuration.listeners.flatMap(listener => weakerDoor(configuration, listener)),
  },
  {
    id: 'D31',
    severity: 'medium',
    title: 'a security option that holds elsewhere than it stands, or will go away',
    why: 'Below a listener it holds for every listener unless per_listener_settings is true; Mosquitto 3.0 will know acl_file, password_file and per_listener_settings no more.',
    fix: 'move it above the first listener; for Mosquitto 3.0 use its password-file and acl-file plugins, Castellan keeps the options',
    check: ({ configuration }) => [...misplaced(configuration), ...goingAway(configuration)],
  },
  {
    id: 'D36',
    severity: 'medium',
    title: 'an HTTP API that other machines reach, or that asks for no password',
    why: 'It tells about the broker and its listeners to whoever can open a page.',
    fix: 'listener 8080 127.0.0.1, with protocol http_api and listener_allow_anonymous false below it',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => listener.protocol === 'http_api')
        .filter(listener => !listener.isLocal || isOpen(configuration, listener))
        .map(listener => ({
          place: listener.place,
          evidence: listener.isLocal
            ? `${quoted(listener.name)} serves http_api to anonymous clients`
            : `${quoted(listener.name)} serves http_api to other machines`,
        })),
  },
]

function plaintextEvidence(listener: Listener): string {
  const where = listener.address === undefined ? 'on every address' : `on ${quoted(listener.address)}`
  const trap = listener.port === 8883 ? '; port 8883 is the one of MQTT over TLS, and does not make it TLS' : ''
  return `${quoted(listener.name)} has no certfile and keyfile, ${where}${trap}${unasked(listener)}`
}

/** Who writes a limit above all listeners seldom knows that it opens one more. */
function unasked({ openedBy }: Listener): string {
  if (openedBy === undefined || openedBy === 'port' || openedBy === 'bind_address') return ''
  return `; ${quoted(openedBy)} opens it, as it stands above every listener: move it below one`
}

const ownSources = ['auth_http_url', 'ldap_url', 'jwt_key_file', 'jwt_secret_file', 'jwt_jwks_url']

/** Whether anything could tell who a client is; a plugin may. */
function hasSource(configuration: Configuration, listener: Listener): boolean {
  return (
    listener.provesClients ||
    configuration.plugins.some(({ isUsed }) => isUsed) ||
    configuration.security(listener, 'password_file') !== undefined ||
    ownSources.some(key => (listener.last(key) ?? configuration.globals.last(key)) !== undefined)
  )
}

function isOpen(configuration: Configuration, listener: Listener): boolean {
  return configuration.allowsAnonymous(listener) || !hasSource(configuration, listener)
}

function weakerDoor({ listeners }: Configuration, listener: Listener): readonly Observation[] {
  if (listener.protocol !== 'websockets') return []
  const others = listeners.filter(other => other !== listener && other.isTls)
  const lacks = ['require_certificate', 'crlfile'].filter(key => {
    const has = (door: Listener) => (key === 'crlfile' ? door.last(key) !== undefined : door.isOn(key))
    return !has(listener) && others.some(has)
  })
  if (lacks.length === 0) return []
  const evidence = `${quoted(listener.name)} with protocol websockets lacks ${lacks.join(' and ')}, which another listener has`
  return [{ place: listener.place, evidence }]
}

function misplaced({ belowListeners, listeners }: Configuration): readonly Observation[] {
  if (listeners.length < 2) return []
  return belowListeners.map(setting => ({
    place: setting,
    evidence: `${quoted(setting.name)} stands below a listener and holds for all ${listeners.length}`,
  }))
}

function goingAway({ settings, hasOwnOptions }: Configuration): readonly Observation[] {
  // No Mosquitto starts with such a file, and Castellan keeps them.
  if (hasOwnOptions) return []
  const leaving = settings.filter(({ name }) => /^(acl_file|password_file|per_listener_settings)$/.test(name))
  const [first] = leaving
  if (first === undefined) return []
  const names = [...new Set(leaving.map(({ name }) => name))]
  return [{ place: first, evidence: `${quotedList(names)} will go away with Mosquitto 3.0` }]
}
