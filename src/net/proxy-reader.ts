// Takes the PROXY header off the beginning of a socket; what follows it stays there, unread.

import type { Socket } from 'node:net'
import { type ProxyHeader, type ProxyVersion, parseProxyHeader } from './proxy-header.ts'

const nothing = Buffer.alloc(0)

/**
 * @param socket paused, nothing read from it
 * @param told called once, unless the socket ends first; then it is destroyed
 */
export function readProxyHeader(
  socket: Socket,
  version: ProxyVersion,
  told: (header: ProxyHeader | 'corrupt') => void,
): void {
  let seen = nothing
  const ended = () => socket.destroy()
  const readable = () => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = Buffer.concat([seen, chunk])
    const header = parseProxyHeader(seen, version)
    if (header === 'incomplete') return
    socket.off('readable', readable)
    socket.off('end', ended)
    if (header !== 'corrupt' && header.length < seen.length) socket.unshift(seen.subarray(header.length))
    told(header)
  }
  socket.on('end', ended)
  socket.on('readable', readable)
}
