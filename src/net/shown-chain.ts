// Keeps the further certificates that a client shows. Node 24.21 and 26.8 look at the client's certificate themselves as soon as
// its chain is verified, which takes the others away before anybody hears of the connection (nodejs/node#65579); who has issued
// the certificate could not be told then.

import { type Server, TLSSocket } from 'node:tls'

/** What Node calls when a handshake is over, on either side; it has no public name. */
interface Finishing {
  _finishInit?: (this: TLSSocket & { readonly server?: Server; readonly _requestCert?: boolean }) => void
}

let isKeeping = false

/** From now on a server's `getPeerX509Certificate` has the whole chain for whoever asks first, and for him alone. */
export function keepShownChains(): void {
  const prototype = TLSSocket.prototype as Finishing
  const finish = prototype._finishInit
  if (isKeeping || finish === undefined) return
  isKeeping = true
  prototype._finishInit = function (): void {
    if (this.server !== undefined && this._requestCert === true) readFirst(this)
    finish.call(this)
  }
}

/** Held no longer than needed: a certificate takes more memory than the connection of its holder. */
function readFirst(socket: TLSSocket): void {
  const shown = socket.getPeerX509Certificate()
  socket.getPeerX509Certificate = () => {
    Reflect.deleteProperty(socket, 'getPeerX509Certificate')
    return shown
  }
}
