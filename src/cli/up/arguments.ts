// The command line of `castellan up`.

import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../../base/errors.ts'
import { escapeText } from '../../base/escape.ts'
import { exitCode } from '../exit-code.ts'

export interface UpArguments {
  readonly help: boolean
  /** Absolute. */
  readonly dir: string
  readonly hosts: readonly string[]
  /** Undefined when not asked for: 8883 for a new directory, what it has for an old one. */
  readonly port: number | undefined
  /** The same, of the loopback listener: 1883. */
  readonly localPort: number | undefined
  /** Of health and metrics on loopback; undefined: none. */
  readonly metricsPort: number | undefined
}

export class UpError extends AppError {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super('ERR_CLI_UP', message)
    this.exitCode = exitCode
  }
}

/** What makes a further client, beside the data directory. */
export const clientRecipe = 'castellan cert issue device-2 --ca castellan-data/ca --out castellan-data/clients\n'

export const upHelp = `Brings up a secure broker from nothing, and the same one again.

Usage: castellan up [--dir DIR] [--host NAME]... [--port PORT] [--local-port PORT] [--metrics-port PORT]

  --dir DIR          the data directory (default castellan-data); made when there is none, or when it is empty
  --host NAME        a further host name or IP address that clients will use, without wildcards; may be repeated. This
                     machine's name, localhost, 127.0.0.1 and ::1 are always in
  --port PORT        where clients with certificates connect (default 8883)
  --local-port PORT  where programs on this machine connect with a password (default 1883)
  --metrics-port PORT  where /healthz, /readyz and /metrics are answered on this machine; without it nowhere
  --help             this page

The first start makes, in DIR:
  ca/                a certificate authority of your own, for castellan ca and castellan cert; keep it safe
  server/            the broker's certificate
  clients/           two clients: admin, who may do everything, and device-1, who has devices/device-1/#
  acl, passwords     who may do what (nothing, unless a line says so), and who has a password (nobody, yet)
  castellan.conf     the configuration, in mosquitto.conf's language

Each later start uses what is there, changes nothing but revocation lists that are due, and prints the same lines.

A further client, and one that was lost; the broker notices by itself:

  ${clientRecipe}  castellan cert revoke device-2 --ca castellan-data/ca

Exit codes: 0 stopped, 1 a directory, a certificate or a port cannot be used, 2 wrong usage, 3 a mistake in the
configuration, 5 the directory is somebody else's, was moved, or was made with other options.

Examples

  castellan up
  castellan up --dir /srv/mqtt --host broker.example.org --host 192.0.2.7
  castellan passwd castellan-data/passwords alice     # then: a user for 127.0.0.1:1883
`

/**
 * @param cwd what a relative `--dir` is relative to
 * @throws UpError with exit code 2
 */
export function parseUpArguments(args: readonly string[], cwd: string): UpArguments {
  const { values } = parse(args)
  const port = portOf('--port', values.port)
  const localPort = portOf('--local-port', values['local-port'])
  const metricsPort = portOf('--metrics-port', values['metrics-port'])
  if ((port ?? 8883) === (localPort ?? 1883))
    throw usage(`--port and --local-port are both ${port ?? localPort}; choose two`)
  if (metricsPort === (port ?? 8883) || metricsPort === (localPort ?? 1883))
    throw usage(`--metrics-port ${metricsPort} is a port for clients, too; choose another`)
  return {
    help: values.help === true,
    dir: directory(resolve(cwd, values.dir ?? 'castellan-data')),
    hosts: (values.host ?? []).map(host),
    port,
    localPort,
    metricsPort,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        dir: { type: 'string' },
        host: { type: 'string', multiple: true },
        port: { type: 'string' },
        'local-port': { type: 'string' },
        'metrics-port': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    const [first] = String((error as Error).message).split('. ')
    throw usage(`${escapeText(first ?? '')}; castellan up --help shows what there is`)
  }
}

function portOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw usage(`${option} '${escapeText(text, 32)}' is no port; it is a number from 1 to 65535`)
}

const hostName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** No wildcard: each further name is one that this broker, and no other, is meant by. */
function host(name: string): string {
  const isAddress = isIP(name) !== 0 && !name.includes('%')
  if (isAddress || (hostName.test(name) && name.length <= 253)) return name
  throw usage(
    `--host '${escapeText(name, 80)}' is no host name or IP address; it is one like 'broker.example.org' or '192.0.2.7', without a wildcard`,
  )
}

/** A line of castellan.conf must be able to hold it. */
function directory(path: string): string {
  if (escapeText(path, 4096) === path && path === path.trim()) return path
  throw usage(
    `--dir '${escapeText(path)}' has a blank at its end, a backslash or a character that cannot be seen; choose another name`,
  )
}

function usage(message: string): UpError {
  return new UpError(message, exitCode.usage)
}
