// Certificates for a run: one authority, one server, one client, all ECDSA P-256, the same for every broker.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wallClock } from '../src/base/clock.ts'
import { loadUser } from './access.ts'
import { createCertificateAuthority, issueClientCertificate, issueServerCertificate } from './single-authority.ts'

/** Absolute paths of PEM files. */
export interface TlsFiles {
  readonly authority: string
  readonly authorityKey: string
  readonly server: { readonly certificate: string; readonly key: string }
  readonly client: { readonly certificate: string; readonly key: string }
}

/** Writes the files of a run into `dir`. The private keys are good for nothing else, and gone with the directory. */
export async function writeTlsFiles(dir: string): Promise<TlsFiles> {
  const now = wallClock()
  const authority = await createCertificateAuthority('Benchmark Authority', now)
  const server = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], { now })
  const client = await issueClientCertificate(authority, loadUser.name, { now })
  const write = async (name: string, text: string): Promise<string> => {
    const path = join(dir, name)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  return {
    authority: await write('ca.crt', authority.certificate),
    authorityKey: await write('ca.key', authority.privateKey),
    server: {
      certificate: await write('server.crt', server.certificate),
      key: await write('server.key', server.privateKey),
    },
    client: {
      certificate: await write('client.crt', client.certificate),
      key: await write('client.key', client.privateKey),
    },
  }
}
