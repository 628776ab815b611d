// A pre-shared key as it is written: in hex, with or without the first digit.

/**
 * Mosquitto and its clients put the missing digit of an odd number of them behind the zero bytes at the beginning.
 *
 * @param hex nothing but hexadecimal digits
 */
export function presharedKeyBytes(hex: string): Buffer {
  if (hex.length % 2 === 0) return Buffer.from(hex, 'hex')
  const zeros = /^(?:00)*/.exec(hex)?.[0] ?? ''
  return Buffer.from(`${zeros}0${hex.slice(zeros.length)}`, 'hex')
}
