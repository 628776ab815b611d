// Reads so much of our own mosquitto.conf as a launcher needs.

import { readFileSync } from 'node:fs'

export interface PeerConf {
  readonly port: number
  readonly host: string
  /** Undefined: everybody may do everything. */
  readonly access: { readonly passwords: string; readonly acl: string } | undefined
  readonly tls:
    | { readonly certificate: string; readonly key: string; readonly authority: string | undefined }
    | undefined
}

/** The contents of the files that it names, as text, are already in it. */
export function readConf(path: string): PeerConf {
  const lines = readFileSync(path, 'utf8').split('\n')
  const entries = new Map(
    lines.map(line => {
      const [, name = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? []
      return [name, value] as const
    }),
  )
  const contents = (name: string): string | undefined => {
    const file = entries.get(name)
    return file === undefined ? undefined : readFileSync(file, 'utf8')
  }
  const [port, host = '127.0.0.1'] = (entries.get('listener') ?? '').split(' ')
  const [passwords, acl] = [contents('password_file'), contents('acl_file')]
  const [certificate, key] = [contents('certfile'), contents('keyfile')]
  return {
    port: Number(port),
    host,
    access: passwords !== undefined && acl !== undefined ? { passwords, acl } : undefined,
    tls:
      certificate !== undefined && key !== undefined ? { certificate, key, authority: contents('cafile') } : undefined,
  }
}
