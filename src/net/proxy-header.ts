// The header that a load balancer writes in front of a connection: the PROXY protocol, version 1 (text) and 2 (binary), as HAProxy
// specifies it. Strict: whatever is not exactly of its form is corrupt.

import { isUtf8 } from 'node:buffer'
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { crc32c } from './crc32c.ts'

/** What the load balancer knows of the client's TLS connection to it (version 2 only). */
export interface ProxiedTls {
  readonly protocol: string | undefined
  readonly cipher: string | undefined
  /** The client has shown a certificate, in this TLS session, and the load balancer has verified it. */
  readonly hasVerifiedCertificate: boolean
  /** Of that certificate; undefined when it has none, or it is no clean text. */
  readonly commonName: string | undefined
}

export interface ProxyHeader {
  /** Bytes; what follows them is the client's. */
  readonly length: number
  /** undefined when the connection is the load balancer's own, or it does not know. */
  readonly source: { readonly address: string; readonly port: number } | undefined
  /** undefined when the client did not use TLS, as far as is told. */
  readonly tls: ProxiedTls | undefined
}

export type ProxyVersion = 1 | 2

/** What is read of a header at most, in bytes; the specification recommends that it fits a packet. */
export const maximumProxyHeaderBytes = 4096

/** Ends with the line, at most so long (the text of version 1, §2.1). */
const maximumLineBytes = 107
const lineStart = Buffer.from('PROXY ')
const lineForm = /^PROXY (TCP4|TCP6) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/
const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** Signature, version and command, family, length. */
const fixedBytes = 16

/** @param bytes from the beginning of the connection */
export function parseProxyHeader(bytes: Buffer, version: ProxyVersion): ProxyHeader | 'incomplete' | 'corrupt' {
  return version === 1 ? parseLine(bytes) : parseBinary(bytes)
}

function parseLine(bytes: Buffer): ProxyHeader | 'incomplete' | 'corrupt' {
  if (!startsAlike(bytes, lineStart)) return 'corrupt'
  const end = bytes.subarray(0, maximumLineBytes).indexOf('\r\n')
  if (end === -1) return bytes.length < maximumLineBytes ? 'incomplete' : 'corrupt'
  const line = bytes.toString('latin1', 0, end)
  const length = end + 2
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN '))
    return { length, source: undefined, tls: undefined }
  const [, family, source = '', destination = '', sourcePort, destinationPort] = lineForm.exec(line) ?? []
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6
  if (family === undefined || !isAddress(source) || !isAddress(destination) || source.includes('%')) return 'corrupt'
  const port = Number(sourcePort)
  if (port > 65_535 || Number(destinationPort) > 65_535) return 'corrupt'
  return { length, source: { address: family === 'TCP4' ? source : canonical(source), port }, tls: undefined }
}

function parseBinary(bytes: Buffer): ProxyHeader | 'incomplete' | 'corrupt' {
  if (!startsAlike(bytes, signature)) return 'corrupt'
  if (bytes.length < fixedBytes) return 'incomplete'
  const length = fixedBytes + bytes.readUInt16BE(14)
  const command = bytes.readUInt8(12)
  if (length > maximumProxyHeaderBytes || (command !== Command.local && command !== Command.proxy)) return 'corrupt'
  if (bytes.length < length) return 'incomplete'
  const header = bytes.subarray(0, length)
  const family = families.get(header.readUInt8(13))
  if (family === undefined || fixedBytes + family.bytes > length) return 'corrupt'
  const extensions = readExtensions(header, fixedBytes + family.bytes)
  if (extensions === 'corrupt') return 'corrupt'
  if (command === Command.local) return { length, source: undefined, tls: undefined }
  return { length, source: family.source(header), tls: extensions }
}

const Command = { local: 0x20, proxy: 0x21 } as const

interface Family {
  /** Of both addresses and ports. */
  readonly bytes: number
  source(header: Buffer): ProxyHeader['source']
}

/** Streams only: a datagram is not what brought this here. */
const families = new Map<number, Family>([
  [0x00, { bytes: 0, source: () => undefined }],
  [
    0x11,
    {
      bytes: 12,
      source: header => ({
        address: header.subarray(fixedBytes, fixedBytes + 4).join('.'),
        port: header.readUInt16BE(fixedBytes + 8),
      }),
    },
  ],
  [
    0x21,
    {
      bytes: 36,
      source: header => ({
        address: canonical(ipv6Text(header.subarray(fixedBytes, fixedBytes + 16))),
        port: header.readUInt16BE(fixedBytes + 32),
      }),
    },
  ],
  [0x31, { bytes: 216, source: () => undefined }],
])

const Extension = { crc32c: 0x03, ssl: 0x20 } as const

/** @returns what the extension about TLS says, where there is one */
function readExtensions(header: Buffer, from: number): ProxiedTls | undefined | 'corrupt' {
  const found = readFields(header, from)
  if (found === undefined) return 'corrupt'
  const checksum = found.get(Extension.crc32c)
  if (checksum !== undefined && !isRight(header, checksum)) return 'corrupt'
  const ssl = found.get(Extension.ssl)
  return ssl === undefined ? undefined : readSsl(ssl)
}

/** Types, each at most once, and their values; undefined where one passes the end. */
function readFields(bytes: Buffer, from: number): ReadonlyMap<number, Buffer> | undefined {
  const fields = new Map<number, Buffer>()
  let at = from
  while (at < bytes.length) {
    if (at + 3 > bytes.length) return undefined
    const type = bytes.readUInt8(at)
    const end = at + 3 + bytes.readUInt16BE(at + 1)
    if (end > bytes.length || fields.has(type)) return undefined
    fields.set(type, bytes.subarray(at + 3, end))
    at = end
  }
  return fields
}

/** The sum is over the header with zeros in its own place (PP2_TYPE_CRC32C). */
function isRight(header: Buffer, checksum: Buffer): boolean {
  if (checksum.length !== 4) return false
  const copy = Buffer.from(header)
  copy.fill(0, checksum.byteOffset - header.byteOffset, checksum.byteOffset - header.byteOffset + 4)
  return crc32c(copy) === checksum.readUInt32BE(0)
}

const ClientFlag = { tls: 0x01, certificate: 0x04 } as const
const SslField = { version: 0x21, commonName: 0x22, cipher: 0x23 } as const

function readSsl(ssl: Buffer): ProxiedTls | undefined | 'corrupt' {
  if (ssl.length < 5) return 'corrupt'
  const fields = readFields(ssl, 5)
  if (fields === undefined) return 'corrupt'
  const flags = ssl.readUInt8(0)
  if ((flags & ClientFlag.tls) === 0) return undefined
  // 0 means verified, and also "there was none to verify" with some: both have to be said.
  const hasVerifiedCertificate = (flags & ClientFlag.certificate) !== 0 && ssl.readUInt32BE(1) === 0
  return {
    protocol: textOf(fields.get(SslField.version)),
    cipher: textOf(fields.get(SslField.cipher)),
    hasVerifiedCertificate,
    commonName: hasVerifiedCertificate ? textOf(fields.get(SslField.commonName)) : undefined,
  }
}

function textOf(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0 || !isUtf8(bytes) || bytes.includes(0)) return undefined
  return bytes.toString('utf8')
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const shared = Math.min(bytes.length, start.length)
  return bytes.subarray(0, shared).equals(start.subarray(0, shared))
}

function ipv6Text(bytes: Buffer): string {
  const groups: string[] = []
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes.readUInt16BE(at).toString(16))
  return groups.join(':')
}

/** As the operating system writes it, so that one client has one address whatever the load balancer's hand. */
function canonical(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address
}
