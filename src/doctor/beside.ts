// What lies beside the files that a broker serves: certificates of clients, and the key of an authority where none belongs.

import { dirname, join, resolve } from 'node:path'
import { type Certificate, readCertificates } from './certificates.ts'
import { namesIn, readBytes } from './look.ts'
import { type PrivateKey, readPrivateKey } from './private-keys.ts'

/** Directories that are looked into. */
const mostDirectories = 20
/** Files of all of them that are read. */
const mostFiles = 300
/** Keys and certificates are smaller. */
const mostFileBytes = 64 * 1024
/** Directories of an operating system with hundreds of public authorities. */
const publicDirectories = new Set(['/etc/ssl/certs', '/etc/pki/tls/certs', '/usr/share/ca-certificates'])

export interface Beside {
  readonly certificates: readonly Certificate[]
  readonly keys: readonly PrivateKey[]
}

/** @param paths of the files that are served */
export function lookBeside(paths: readonly string[]): Beside {
  const directories = [...new Set(paths.map(path => dirname(resolve(path))))]
    .filter(directory => !publicDirectories.has(directory))
    .slice(0, mostDirectories)
  const files = directories
    .flatMap(directory => namesIn(directory).map(name => join(directory, name)))
    .filter(path => /\.(crt|cer|cert|pem|key)$/i.test(path))
    .slice(0, mostFiles)
  const certificates: Certificate[] = []
  const keys: PrivateKey[] = []
  for (const path of files) {
    const content = readBytes(path, mostFileBytes)
    if (typeof content === 'string') continue
    certificates.push(...readCertificates(content.bytes, path))
    const key = readPrivateKey(content.bytes, path)
    if (key !== undefined) keys.push(key)
  }
  return { certificates, keys }
}
