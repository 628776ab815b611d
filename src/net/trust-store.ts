// The authorities whose client certificates a listener accepts: `cafile` and `capath`.

import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { escapeText } from '../base/escape.ts'
import type { Log } from '../base/log.ts'
import { ListenerError } from './errors.ts'
import { fileFault } from './file-state.ts'

export interface TrustSettings {
  readonly cafile: string | undefined
  readonly capath: string | undefined
}

const certificateBlock =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g
/** What `openssl rehash` makes, and the plain files that it reads. */
const trustFileName = /^[0-9a-f]{8}\.\d+$|\.(?:crt|pem)$/
/** Of one file: a bundle of every public CA has a quarter of a megabyte. */
const maxTrustFileBytes = 16 * 1024 * 1024

/**
 * Reads the trust anchors and intermediates of a listener, each once, as PEM.
 *
 * @param earlier what was read until now; from the same `capath` the last file may be gone, and with it all trust
 * @returns the certificates; empty when neither option is set (then nobody is trusted, least of all the public CAs)
 * @throws ListenerError with Mosquitto's text when `cafile` or `capath` yields nothing usable
 */
export function readTrustStore(settings: TrustSettings, log: Log, earlier?: TrustSettings): string[] {
  const { cafile, capath } = settings
  const found = new Map<string, string>()
  if (cafile !== undefined) readBundle(cafile, found)
  if (capath !== undefined && !(capath === earlier?.capath && isEmptied(capath, log))) readDirectory(capath, found, log)
  return [...found.values()]
}

/** Somebody has taken out the last authority: to go on with it would be trust that was withdrawn. */
function isEmptied(directory: string, log: Log): boolean {
  let names: readonly string[]
  try {
    names = readdirSync(directory)
  } catch {
    return false
  }
  if (names.some(name => trustFileName.test(name))) return false
  log.write(
    'warning',
    `Warning: There is no certificate in capath "${escapeText(directory, 4096)}" any more: nobody is trusted by it.`,
  )
  return true
}

function readBundle(file: string, found: Map<string, string>): void {
  const message = `Error: Unable to load CA certificates. Check cafile "${escapeText(file)}".`
  let pem: string
  try {
    pem = readTrustFile(file)
  } catch (error) {
    throw new ListenerError('ERR_NET_TLS_SETTINGS', message, fileFault(error), { cause: error })
  }
  const blocks = pem.match(certificateBlock) ?? []
  if (blocks.length === 0) {
    throw new ListenerError('ERR_NET_TLS_SETTINGS', message, 'the file holds no PEM certificate')
  }
  for (const [index, block] of blocks.entries()) {
    try {
      add(block, found)
    } catch (error) {
      const hint = `certificate ${index + 1} of ${blocks.length} in the file does not decode`
      throw new ListenerError('ERR_NET_TLS_SETTINGS', message, hint, { cause: error })
    }
  }
}

/** As OpenSSL does, files of the directory that hold no certificate are passed over, but not in silence. */
function readDirectory(directory: string, found: Map<string, string>, log: Log): void {
  const message = `Error: Unable to load CA certificates. Check capath "${escapeText(directory)}".`
  const before = found.size
  try {
    for (const name of readdirSync(directory).sort()) {
      if (trustFileName.test(name)) readDirectoryFile(join(directory, name), found, log)
    }
  } catch (error) {
    throw new ListenerError('ERR_NET_TLS_SETTINGS', message, fileFault(error), { cause: error })
  }
  if (found.size === before) {
    throw new ListenerError(
      'ERR_NET_TLS_SETTINGS',
      message,
      'no .crt or .pem file in it, and no hashed link, holds a certificate',
    )
  }
}

/** A dangling link or a broken file takes nobody else's trust away. */
function readDirectoryFile(file: string, found: Map<string, string>, log: Log): void {
  const refuse = (why: string) =>
    log.write('warning', `Warning: "${escapeText(file, 4096)}" of capath is not trusted: ${why}.`)
  try {
    const blocks = readTrustFile(file).match(certificateBlock) ?? []
    if (blocks.length === 0) refuse('it holds no PEM certificate')
    for (const [index, block] of blocks.entries()) {
      if (!tryToAdd(block, found)) refuse(`certificate ${index + 1} of ${blocks.length} in it does not decode`)
    }
  } catch (error) {
    refuse(fileFault(error))
  }
}

function tryToAdd(pem: string, found: Map<string, string>): boolean {
  try {
    add(pem, found)
    return true
  } catch {
    return false
  }
}

function readTrustFile(file: string): string {
  const { size } = statSync(file)
  if (size > maxTrustFileBytes)
    throw new RangeError(`the file has ${size} bytes, at most ${maxTrustFileBytes} are read`)
  return readFileSync(file, 'latin1')
}

function add(pem: string, found: Map<string, string>): void {
  found.set(new X509Certificate(pem).fingerprint256, pem)
}
