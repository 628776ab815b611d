// The command line of `castellan up`.

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'
import { exitCode } from './exit-code.ts'

export interface UpArguments {
  readonly help: boolean
  /** Absolute. */
  readonly dir: string
  readonly hosts: readonly string[]
  /** Undefined when not asked for: 8883 for a new directory, what it has for an old one. */
  readonly port: number | undefined
  /** The same, of the loopback listener: 1883. */
  readonly localPort: number | undefined
}

export class UpError extends AppError {
  readonly exitCode: number
  constructor(message: string, exitCode: number) {
    super('ERR_CLI_UP', message)
    this.exitCode = exitCode
  }
}

export const upHelp = `Brings up a secure broker from nothing, and the same one again.

Usage: castellan up [--dir DIR] [--host NAME]... [--port PORT] [--local-port PORT]

  --dir DIR          the data directory (default castellan-data); made when there is none, or when it is empty
  --host NAME        a further host name or IP address that clients will use; may be repeated. This machine's name,
                     localhost, 127.0.0.1 and ::1 are always in
  --port PORT        where clients with certificates connect (default 8883)
  --local-port PORT  where programs on this machine connect with a password (default 1883)
  --help             this page

The first start makes, in DIR:
  ca/                a certificate authority of your own; its private key signs new clients and nothing else needs it
  server/            the broker's certificate
  clients/           two clients: admin, who may do everything, and device-1, who has devices/device-1/#
  acl, passwords     who may do what (nothing, unless a line says so), and who has a password (nobody, yet)
  castellan.conf     the configuration, in mosquitto.conf's language

Each later start uses what is there, changes nothing and prints the same lines. Examples

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
  if ((port ?? 8883) === (localPort ?? 1883))
    throw usage(`--port and --local-port are both ${port ?? localPort}; choose two`)
  return {
    help: values.help === true,
    dir: directory(resolve(cwd, values.dir ?? 'castellan-data')),
    hosts: values.host ?? [],
    port,
    localPort,
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
