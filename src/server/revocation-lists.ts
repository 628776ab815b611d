// The revocation lists of the listeners: read at the start and before a reload, put to work whenever there are others.

import type { Broker } from '../broker/broker.ts'
import type { TrustRules } from '../net/client-trust.ts'
import type { Listener } from '../net/listener.ts'
import { asksForCertificate } from '../net/options.ts'
import type { RevocationDownloads } from '../net/revocation-downloads.ts'
import type { RevocationFiles } from '../net/revocation-files.ts'
import { loadX509Library } from '../x509/library.ts'
import { noteRevocationList } from './audit.ts'
import type { Config } from './options.ts'

/**
 * Reads the files of revocation lists that a configuration names, and are not read yet, and what reads certificates strictly.
 *
 * @throws ListenerError
 */
export async function loadRevocations(files: RevocationFiles, { listeners }: Config): Promise<void> {
  const secured = listeners.filter(({ certfile }) => certfile !== undefined)
  await files.load(secured.map(({ crlfile }) => crlfile))
  const needsLibrary = secured
    .filter(asksForCertificate)
    .some(listener => listener.disable_client_cert_date_checks || listener.crl_fetch)
  if (needsLibrary) await loadX509Library()
}

export interface RevocationSources {
  readonly revocations: RevocationFiles
  readonly downloads: RevocationDownloads
}

/** From here on a list that is replaced counts at once, for new connections and for those that are there. */
export function adoptNewRevocations(
  { revocations, downloads }: RevocationSources,
  broker: Broker,
  listeners: readonly Listener[],
): void {
  const adopt = async (name: string, concerns: (rules: TrustRules) => boolean) => {
    for (const { trust } of listeners) if (trust !== undefined && concerns(trust.rules)) await trust.update()
    noteRevocationList(broker.audit, name, broker.recheckCertificates())
  }
  revocations.onChange = ({ path }) => adopt(path, ({ revocations: file }) => file?.path === path)
  downloads.onChange = () => adopt('crl_fetch', rules => rules.downloads !== undefined)
}
