// CRC-32C (Castagnoli, RFC 3720 appendix B.4), of which the PROXY protocol has a checksum; Node has only the other CRC-32.

const reversedPolynomial = 0x82f63b78
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ reversedPolynomial : rest >>> 1
  return rest >>> 0
})

export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) sum = (table[(sum ^ byte) & 0xff] as number) ^ (sum >>> 8)
  return (sum ^ 0xffffffff) >>> 0
}
