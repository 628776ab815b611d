// The text of the files that `castellan up` makes; the comments are there to be learnt from.

import { join } from 'node:path'

export interface DataDirectory {
  readonly dir: string
  readonly config: string
  readonly acl: string
  readonly passwords: string
  /** Made by the broker. */
  readonly audit: string
  readonly authority: {
    /** What castellan ca and cert take as --ca. */
    readonly directory: string
    /** The root, for clients. */
    readonly root: string
    /** Root and authority for devices, and all revocation lists: for the listener. */
    readonly trust: string
    readonly lists: string
  }
  readonly server: { readonly certificate: string; readonly privateKey: string }
  readonly clients: string
}

/** Where everything is in a data directory. */
export function dataDirectory(dir: string): DataDirectory {
  return {
    dir,
    config: join(dir, 'castellan.conf'),
    acl: join(dir, 'acl'),
    passwords: join(dir, 'passwords'),
    audit: join(dir, 'audit.jsonl'),
    authority: {
      directory: join(dir, 'ca'),
      root: join(dir, 'ca', 'trust', 'root.pem'),
      trust: join(dir, 'ca', 'trust', 'devices.pem'),
      lists: join(dir, 'ca', 'crl', 'all.pem'),
    },
    server: { certificate: join(dir, 'server', 'server.crt'), privateKey: join(dir, 'server', 'server.key') },
    clients: join(dir, 'clients'),
  }
}

export function clientFiles({ clients }: DataDirectory, name: string): { certificate: string; privateKey: string } {
  return { certificate: join(clients, `${name}.crt`), privateKey: join(clients, `${name}.key`) }
}

/** The first line of every configuration that `castellan up` made: how it knows its own. */
export const configMark = '# Made by castellan up. Yours to change; castellan up never writes to it again.'

/** Where a new broker listens: everywhere, on this machine, and on this machine for health and metrics, if at all. */
export interface ConfigPorts {
  readonly port: number
  readonly localPort: number
  readonly metricsPort: number | undefined
}

export function configText(files: DataDirectory, ports: ConfigPorts, asRoot: boolean): string {
  const { port, localPort, metricsPort } = ports
  return `${configMark}
# The language is mosquitto.conf's. After a change: castellan run -c ${files.config} --test-config,
# then send the broker SIGHUP.
${asRoot ? rootText : ''}
# Nobody comes in without a certificate or a password.
allow_anonymous false

# Who may publish and subscribe what. Without a matching line in it: nobody, nothing.
acl_file ${files.acl}

# Users with a password, for the listener on this machine. Empty at first; add one with
#   castellan passwd ${files.passwords} NAME
password_file ${files.passwords}

# The authority that makes certificates: castellan cert issue NAME --ca ${files.authority.directory}
# The broker signs its revocation lists each day.
ca_directory ${files.authority.directory}

# Who came, who was refused and what was changed, chained by hash: castellan audit tail -f ${files.audit}
audit_file ${files.audit}

# Sessions, queues and retained messages are kept in castellan-store: what was acknowledged survives any end of the broker.
persistence true
persistence_location ${files.dir}
${metricsPort === undefined ? '' : metricsText(metricsPort)}
# For everybody: TLS, and a client certificate of our own authority. The name in the certificate (its CN) is the user
# name, so a password is neither needed nor looked at. Who is revoked (castellan cert revoke NAME --ca ...) is out at once.
listener ${port}
certfile ${files.server.certificate}
keyfile ${files.server.privateKey}
cafile ${files.authority.trust}
crlfile ${files.authority.lists}
require_certificate true
use_identity_as_username true

# For programs on this machine only: no TLS, but a user name and a password.
listener ${localPort} 127.0.0.1
`
}

function metricsText(port: number): string {
  return `
# /healthz, /readyz and Prometheus /metrics, for programs on this machine only.
metrics_listener ${port}
`
}

const rootText = `
# castellan up was started by root, in a directory that only root can read, so the broker stays root. Better: give the
# directory to an account of its own and name that here.
user root
`

export const aclText = `# Rules for castellan.conf; see mosquitto.conf(5), acl_file. What no line allows is refused.

# The administrator: every topic, and the broker's own figures.
user admin
topic readwrite #
topic read $SYS/#

# Every user has the topics below devices/ that carry the own name, and no others: device-1 has devices/device-1/...
pattern readwrite devices/%u/#
`
