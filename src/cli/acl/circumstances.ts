// How the client comes that `castellan acl` asks about: by which certificate, from which address, at which QoS.

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { AccessQuestion } from '../../auth/explanation.ts'
import { escapeText } from '../../base/escape.ts'
import { readWhole } from '../../pki/files.ts'
import { UsageError } from '../command.ts'

/** What is left out is not asked about. */
export interface AskedCircumstances {
  readonly certificate?: X509Certificate | undefined
  readonly address?: string | undefined
  readonly qos?: number | undefined
}

/** As they were typed, or written into a table. */
export interface CircumstanceWords {
  /** A file, PEM or DER; of several certificates the first counts. */
  readonly certificate?: string | undefined
  readonly ip?: string | undefined
  readonly qos?: string | undefined
}

/** Bytes of a certificate with its chain. */
const largestCertificate = 256 * 1024

/**
 * @throws UsageError for what nobody can come by
 * @throws AppError for a file that is too large, or the operating system's error
 */
export function readCircumstances(
  { certificate, ip, qos }: CircumstanceWords,
  { action }: Pick<AccessQuestion, 'action'>,
): AskedCircumstances {
  if (ip !== undefined && isIP(ip) === 0) throw new UsageError(`'${escapeText(ip, 64)}' is no IP address`)
  return {
    certificate: certificate === undefined ? undefined : certificateIn(certificate),
    address: ip,
    qos: qos === undefined ? undefined : qosOf(qos, action),
  }
}

/** Only the certificate of the file is used, and sent to a broker: a key may stand beside it. */
function certificateIn(path: string): X509Certificate {
  const bytes = readWhole(path, largestCertificate)
  try {
    return new X509Certificate(bytes)
  } catch {
    throw new UsageError(`'${escapeText(path, 4096)}' has no certificate in it`)
  }
}

function qosOf(text: string, action: AccessQuestion['action']): number {
  if (action !== 'publish' && action !== 'subscribe')
    throw new UsageError(`a QoS goes with publish and subscribe, '${action}' has none`)
  if (/^[012]$/.test(text)) return Number(text)
  throw new UsageError(`'${escapeText(text, 40)}' is no QoS: it is 0, 1 or 2`)
}
