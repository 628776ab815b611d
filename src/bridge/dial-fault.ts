// What of a bridge's options no connection can be opened with, or none that is as safe as it looks. Read at every start, so it
// loads nothing that only connections need.

import { isIP, Socket } from 'node:net'
import { escapeText } from '../base/escape.ts'
import type { BridgeSettings } from './options.ts'

/** Whether this Node sets all three numbers of `bridge_tcp_keepalive`; before 24.19 it sets the first, and says nothing. */
const setsProbes = Socket.prototype.setKeepAlive.length >= 4

/**
 * What of a bridge's options no connection can be opened with.
 *
 * @returns the text of the error; undefined when there is none
 */
export function dialFault(settings: BridgeSettings): string | undefined {
  const { bridge_bind_address: from, bridge_tcp_keepalive: probes } = settings
  if (from !== undefined && isIP(from) === 0)
    return `Error: bridge_bind_address '${escapeText(from)}' is not an IP address.`
  if (probes !== undefined && !setsProbes)
    return `Error: bridge_tcp_keepalive needs Node 24.19 or later, and this is ${process.version}.`
  return tlsFault(settings)
}

/** Whether the bridge speaks TLS; Mosquitto's rule, by which a certificate alone does not make it do so. */
export function usesTls(settings: BridgeSettings): boolean {
  return settings.bridge_psk !== undefined || trustsAuthorities(settings)
}

/** What contradicts itself among the TLS options, or asks for TLS where there would be none. */
function tlsFault(settings: BridgeSettings): string | undefined {
  const { bridge_certfile: certfile, bridge_keyfile: keyfile, bridge_identity: identity, bridge_psk: psk } = settings
  if (identity === undefined && psk !== undefined)
    return 'Error: Invalid bridge configuration: missing bridge_identity.'
  if (identity !== undefined && psk === undefined) return 'Error: Invalid bridge configuration: missing bridge_psk.'
  const usesCertificates = trustsAuthorities(settings) || certfile !== undefined || keyfile !== undefined
  if (psk !== undefined && usesCertificates)
    return 'Error: Cannot use both certificate and psk encryption in a single bridge.'
  if (psk !== undefined && !/^[0-9a-f]+$/i.test(psk))
    return 'Error: bridge_psk contains non-hexadecimal characters; `openssl rand -hex 32` makes a key.'
  if ((certfile === undefined) !== (keyfile === undefined))
    return 'Error: Both bridge_certfile and bridge_keyfile must be provided to show a certificate.'
  const version = settings.bridge_tls_version ?? 'tlsv1.2'
  if (version !== 'tlsv1.2' && version !== 'tlsv1.3')
    return `Error: Unsupported bridge_tls_version "${escapeText(version)}"; tlsv1.2 and tlsv1.3 are supported.`
  if (psk !== undefined && version === 'tlsv1.3') return 'Error: Pre-shared keys (bridge_psk) need TLS 1.2.'
  return needlessTls(settings)
}

/** Options that would look as if the connection were protected. */
function needlessTls(settings: BridgeSettings): string | undefined {
  if (trustsAuthorities(settings)) return undefined
  const { bridge_certfile, bridge_crlfile, bridge_require_ocsp } = settings
  for (const [name, value] of Object.entries({ bridge_certfile, bridge_crlfile, bridge_require_ocsp })) {
    if (value !== undefined && value !== false)
      return `Error: ${name} needs bridge_cafile, bridge_capath or bridge_tls_use_os_certs: without them nobody's certificate is looked at.`
  }
  return undefined
}

function trustsAuthorities(settings: BridgeSettings): boolean {
  const { bridge_cafile, bridge_capath, bridge_tls_use_os_certs } = settings
  return bridge_cafile !== undefined || bridge_capath !== undefined || bridge_tls_use_os_certs
}
