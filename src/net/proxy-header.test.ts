import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hex } from '../../test/support/bytes.ts'
import { crc32c } from './crc32c.ts'
import { maximumProxyHeaderBytes, parseProxyHeader } from './proxy-header.ts'

const line = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'), 1)
const from = (address: string, port: number, length: number) => ({ length, source: { address, port }, tls: undefined })

test('enable_proxy_protocol 1: the line gives the address of the client, and what follows is not its', () => {
  assert.deepEqual(line('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n\x10\x00'), from('192.0.2.7', 40_000, 46))
  assert.deepEqual(line('PROXY TCP6 2001:DB8:0::7 ::1 1 65535\r\n'), from('2001:db8::7', 1, 38))
  assert.deepEqual(line('PROXY UNKNOWN\r\n'), { length: 15, source: undefined, tls: undefined })
  assert.deepEqual(line('PROXY UNKNOWN whatever 1 2\r\n'), { length: 28, source: undefined, tls: undefined })
})

const corruptLines: readonly (readonly [what: string, text: string])[] = [
  ['MQTT', '\x10\x0d\x00\x04MQTT'],
  ['version 2', '\r\n\r\n\0\r\nQUIT\n'],
  ['lower case', 'proxy TCP4 192.0.2.7 192.0.2.8 1 2\r\n'],
  ['a family that does not exist', 'PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n'],
  ['the other family', 'PROXY TCP4 ::1 ::1 1 2\r\n'],
  ['an address that is none', 'PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\n'],
  ['an address with a zone', 'PROXY TCP6 fe80::1%lo ::1 1 2\r\n'],
  ['a port that is none', 'PROXY TCP4 192.0.2.7 192.0.2.8 65536 2\r\n'],
  ['a port with a zero before it', 'PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n'],
  ['two spaces', 'PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n'],
  ['a word too many', 'PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n'],
  ['a word too few', 'PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n'],
  ['no family', 'PROXY \r\n'],
  ['an end without CR', 'PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n\r\n'],
  ['a line that is too long', `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
  ['a line without an end', 'PROXY '.padEnd(107, 'x')],
]

for (const [what, text] of corruptLines) {
  test(`enable_proxy_protocol 1: ${what} is corrupt`, () => assert.equal(line(text), 'corrupt'))
}

test('enable_proxy_protocol 1: a line is incomplete until its last byte, and told at the first wrong one', () => {
  const text = 'PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n'
  for (let length = 0; length < text.length; length++) assert.equal(line(text.slice(0, length)), 'incomplete')
  assert.equal(line('PRX'), 'corrupt')
})

const signature = '0D0A0D0A 000D0A51 5549540A'
const field = (type: string, value: Uint8Array) => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(value.length)
  return Buffer.concat([Buffer.from(type, 'hex'), length, value])
}
const ipv4 = hex`C0 00 02 07 C6 33 64 01 9C 40 07 5B`
const header = (command: string, family: string, ...parts: readonly Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([
    Buffer.from(signature.replaceAll(' ', ''), 'hex'),
    field(command + family, body).subarray(0, 4),
    body,
  ])
}
const binary = (...parts: readonly Uint8Array[]) => parseProxyHeader(header('21', '11', ipv4, ...parts), 2)
const ssl = (flags: string, verify: string, ...fields: readonly Uint8Array[]) =>
  field('20', Buffer.concat([Buffer.from(flags + verify, 'hex'), ...fields]))
const version = field('21', Buffer.from('TLSv1.3'))
const commonName = (name: string | Uint8Array) => field('22', Buffer.from(name))

test('enable_proxy_protocol 2: addresses of both families; none of a unix socket, of an unknown one, and of the load balancer itself', () => {
  assert.deepEqual(binary(), from('192.0.2.7', 40_000, 28))
  const ipv6 = Buffer.concat([hex`20 01 0D B8`, Buffer.alloc(11), hex`07`, Buffer.alloc(16), hex`9C 40 07 5B`])
  assert.deepEqual(parseProxyHeader(header('21', '21', ipv6), 2), from('2001:db8::7', 40_000, 52))
  for (const [command, family, bytes] of [
    ['21', '31', 216],
    ['21', '00', 0],
    ['20', '11', 12],
    ['20', '00', 0],
  ] as const) {
    const nobody = { length: 16 + bytes, source: undefined, tls: undefined }
    assert.deepEqual(parseProxyHeader(header(command, family, Buffer.alloc(bytes)), 2), nobody)
  }
})

test('enable_proxy_protocol 2: TLS and the common name of a certificate that was verified', () => {
  const tls = {
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    hasVerifiedCertificate: true,
    commonName: 'dévice',
  }
  const cipher = field('23', Buffer.from('TLS_AES_128_GCM_SHA256'))
  const read = binary(field('04', Buffer.alloc(3)), ssl('07', '00000000', version, cipher, commonName('dévice')))
  assert.ok(typeof read === 'object')
  assert.deepEqual(read.tls, tls)
})

const unproven: readonly (readonly [what: string, flags: string, verify: string, name: Buffer])[] = [
  ['was not verified', '07', '00000001', Buffer.from('root')],
  ['was not shown, though nothing failed', '01', '00000000', Buffer.from('root')],
  ['was shown in this connection only, says a flag that is not enough', '03', '00000000', Buffer.from('root')],
]
for (const [what, flags, verify, name] of unproven) {
  test(`enable_proxy_protocol 2: a certificate that ${what} names nobody`, () => {
    const read = binary(ssl(flags, verify, version, commonName(name)))
    assert.ok(typeof read === 'object' && read.tls !== undefined)
    assert.equal(read.tls.hasVerifiedCertificate, false)
    assert.equal(read.tls.commonName, undefined)
  })
}

test('enable_proxy_protocol 2: a common name that is empty, has NUL in it or is no UTF-8 names nobody; without the flag there is no TLS', () => {
  for (const name of [Buffer.alloc(0), Buffer.from('root\0x'), hex`C3 28`]) {
    const read = binary(ssl('05', '00000000', commonName(name)))
    assert.ok(typeof read === 'object' && read.tls?.hasVerifiedCertificate)
    assert.equal(read.tls.commonName, undefined)
  }
  const plain = binary(ssl('06', '00000000', commonName('root')))
  assert.ok(typeof plain === 'object')
  assert.equal(plain.tls, undefined)
})

const corrupt: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n')],
  ['another version in the binary form', header('11', '11', ipv4)],
  ['a command that does not exist', header('22', '11', ipv4)],
  ['datagrams', header('21', '12', ipv4)],
  ['a family that does not exist', header('21', '41', ipv4)],
  ['addresses that do not fit the length', header('21', '11', ipv4.subarray(1))],
  ['a header beyond the limit', header('21', '11', ipv4, field('04', Buffer.alloc(maximumProxyHeaderBytes)))],
  ['an extension that is cut off', header('21', '11', ipv4, hex`20 00`)],
  ['an extension beyond the end', header('21', '11', ipv4, hex`20 00 06 07 00 00 00 00`)],
  ['an extension twice', header('21', '11', ipv4, ssl('01', '00000000'), ssl('07', '00000000'))],
  ['an extension about TLS that is too short', header('21', '11', ipv4, field('20', hex`07 00 00 00`))],
  ['a field in it beyond its end', header('21', '11', ipv4, ssl('07', '00000000', hex`22 00 05 'root'`))],
  ['a name in it twice', header('21', '11', ipv4, ssl('07', '00000000', commonName('a'), commonName('b')))],
  ['a checksum that is wrong', header('21', '11', ipv4, field('03', hex`00 00 00 01`))],
  ['a checksum of another length', header('21', '11', ipv4, field('03', hex`00 00`))],
]
for (const [what, bytes] of corrupt) {
  test(`enable_proxy_protocol 2: ${what} is corrupt`, () => assert.equal(parseProxyHeader(bytes, 2), 'corrupt'))
}

test('enable_proxy_protocol 2: a right checksum is (PP2_TYPE_CRC32C)', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  const bytes = header('21', '11', ipv4, field('03', Buffer.alloc(4)), ssl('01', '00000000'))
  bytes.writeUInt32BE(crc32c(bytes), 31)
  assert.ok(typeof parseProxyHeader(bytes, 2) === 'object')
  bytes.writeUInt8(0x08, 19)
  assert.equal(parseProxyHeader(bytes, 2), 'corrupt')
})

test('enable_proxy_protocol: whatever comes, there is an answer; a header is never seen before its last byte, and never longer than what came', () => {
  const good = header('21', '11', ipv4, ssl('07', '00000000', version, commonName('device')))
  for (let length = 0; length < good.length; length++) {
    assert.equal(parseProxyHeader(good.subarray(0, length), 2), 'incomplete')
  }
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 300 }), fc.nat(300), (version, noise, at) => {
      const start = version === 1 ? Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n') : Buffer.from(good)
      start.set(noise.subarray(0, Math.max(0, start.length - at)), Math.min(at, start.length))
      for (const bytes of [Buffer.from(noise), start]) {
        const read = parseProxyHeader(bytes, version as 1 | 2)
        if (typeof read === 'object') assert.ok(read.length <= bytes.length)
      }
    }),
    { numRuns: 5000 },
  )
})
