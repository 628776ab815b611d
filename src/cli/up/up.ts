// `castellan up`: in an empty place, a secure broker with its own authority, its first two clients and closed rules; in the
// same place later, the same broker again.

import { createServer, isIPv6, SocketAddress } from 'node:net'
import { systemClock } from '../../base/clock.ts'
import { escapeText } from '../../base/escape.ts'
import { exitCode } from '../exit-code.ts'
import { shellQuote } from '../shell-quote.ts'
import type { Io } from '../verbs.ts'
import { parseUpArguments, type UpArguments, UpError, upHelp } from './arguments.ts'
import {
  asReadError,
  defaultLocalPort,
  defaultPort,
  isMade,
  make,
  type Ports,
  portsOf,
  refuseMoved,
  serverCertificate,
} from './directory.ts'
import { refuseForeignOwner, rootWarning } from './owner.ts'
import { clientFiles, type DataDirectory, dataDirectory } from './template.ts'

/** What a broker is started with; `onListening` is called once everything listens. */
export interface StartOptions {
  readonly configFile: string
  readonly ports: readonly number[]
  readonly verbosity: undefined
  readonly testConfig: false
  readonly daemon: false
  readonly onListening: () => void
}

/** Runs a broker until it is told to stop. @returns its exit code */
export type Start = (options: StartOptions) => Promise<number>

/** @returns the broker's exit code, or one of `upHelp`'s when it did not come to that */
export async function up(args: readonly string[], io: Io, start: Start): Promise<number> {
  try {
    const wanted = parseUpArguments(args, process.cwd())
    if (wanted.help) {
      io.stdout.write(upHelp)
      return exitCode.ok
    }
    const files = dataDirectory(wanted.dir)
    const page = await prepare(files, wanted)
    return await start({
      configFile: files.config,
      ports: [],
      verbosity: undefined,
      testConfig: false,
      daemon: false,
      onListening: () => void io.stdout.write(page + rootWarning(files)),
    })
  } catch (error) {
    if (!(error instanceof UpError)) throw error
    io.stderr.write(`castellan up: ${error.message}\n`)
    return error.exitCode
  }
}

/** @returns the page to print once everything listens */
async function prepare(files: DataDirectory, wanted: UpArguments): Promise<string> {
  try {
    return pageOf(files, await findOrMake(files, wanted), wanted)
  } catch (error) {
    throw asReadError(error, files)
  }
}

/** Looks before it makes anything, so that a taken port leaves nothing behind. */
async function findOrMake(files: DataDirectory, wanted: UpArguments): Promise<Ports> {
  if (isMade(files)) {
    refuseForeignOwner(files)
    refuseMoved(files)
    const ports = portsOf(files, wanted)
    const advice = `change the listener line of '${escapeText(files.config)}'`
    await refuseTaken(ports, () => advice)
    return ports
  }
  const { port = defaultPort, localPort = defaultLocalPort, metricsPort } = wanted
  const ports = { port, localPort, metricsPort }
  await refuseTaken(ports, option => `choose another with ${option}`)
  await make(files, wanted, systemClock().now())
  return ports
}

async function refuseTaken(ports: Ports, adviceFor: (option: string) => string): Promise<void> {
  const { port, localPort, metricsPort } = ports
  await refuseTakenPort(port, undefined, adviceFor('--port'))
  if (localPort !== undefined) await refuseTakenPort(localPort, '127.0.0.1', adviceFor('--local-port'))
  if (metricsPort !== undefined) await refuseTakenPort(metricsPort, '127.0.0.1', adviceFor('--metrics-port'))
}

async function refuseTakenPort(port: number, host: string | undefined, advice: string): Promise<void> {
  const code = await tryToListen(port, host)
  const place = host === undefined ? `port ${port}` : `port ${port} on ${host}`
  if (code === 'EADDRINUSE') {
    throw new UpError(`${place} is in use; stop what listens there (ss -lntp shows it), or ${advice}`, exitCode.failed)
  }
  if (code === 'EACCES') {
    throw new UpError(`${place} may not be used by this user (ports below 1024 are root's); ${advice}`, exitCode.failed)
  }
}

/** @returns why not, as the system's code; undefined when the port can be had */
function tryToListen(port: number, host: string | undefined): Promise<string | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}

/** Says what is there and how to use it; the same at each start. The two commands stand on lines of their own. */
function pageOf(files: DataDirectory, { port, localPort }: Ports, { hosts }: UpArguments): string {
  const x509 = serverCertificate(files, hosts)
  const names = (x509.subjectAltName ?? '').split(', ').map(shortName).join(', ')
  const validTo = x509.validToDate.toISOString().slice(0, 10)
  const shown = (path: string) => escapeText(path, 4096)
  const admin = clientFiles(files, 'admin')
  const device = clientFiles(files, 'device-1')
  const local =
    localPort === undefined
      ? []
      : [
          `  on this machine  127.0.0.1:${localPort}, with a password, which somebody gets by castellan passwd ${shown(files.passwords)} NAME`,
        ]
  return `${[
    'Castellan is up.',
    `  configuration    ${shown(files.config)}`,
    `  rules            ${shown(files.acl)}: admin may do everything, each device what is below devices/ and its name`,
    `  authority        ${shown(files.authority.directory)}, keep it safe; for a further client: castellan cert issue NAME --ca ${shown(files.authority.directory)}`,
    `  audit            ${shown(files.audit)}: castellan audit tail -f shows who comes and who is refused`,
    `  everywhere       port ${port}, TLS with client certificates, as ${names}; until ${validTo}`,
    ...local,
    '',
    'Paste each of these lines into a terminal of its own:',
    '',
    command('mosquitto_sub', port, files, admin, ['-t', 'devices/#', '-v']),
    command('mosquitto_pub', port, files, device, ['-t', 'devices/device-1/hello', '-m', 'hello']),
  ].join('\n')}\n`
}

/** A name of a certificate as people write it: without its kind, and an IPv6 address with its zeros left out. */
function shortName(name: string): string {
  const [, kind, value = ''] = /^(DNS|IP Address):(.*)$/.exec(name) ?? []
  if (kind === undefined) return escapeText(name)
  return isIPv6(value) ? new SocketAddress({ address: value, family: 'ipv6' }).address : escapeText(value)
}

function command(
  tool: string,
  port: number,
  files: DataDirectory,
  client: { readonly certificate: string; readonly privateKey: string },
  rest: readonly string[],
): string {
  const identity = ['--cert', client.certificate, '--key', client.privateKey]
  const words = [tool, '-h', 'localhost', '-p', `${port}`, '--cafile', files.authority.root, ...identity, ...rest]
  return words.map(shellQuote).join(' ')
}
