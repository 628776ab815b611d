// Whom a listener trusts, for how long, and how it learns of those that it must not trust any more.

import { type Certificate, hasIssued, isFor, purposes } from '../certificates.ts'
import type { Facts } from '../facts.ts'
import { type Observation, type Place, quoted, type Rule } from '../finding.ts'
import type { TlsFacts } from '../tls-facts.ts'
import { trustLine } from './certificates.ts'

const dayMs = 24 * 60 * 60 * 1000
/** A list that ends sooner ends before anybody looks. */
const listWarningMs = 2 * dayMs
const shortestListMs = 3 * dayMs
const longestLeafDays = 825
const longestAuthorityDays = 20 * 365.25
/** Authorities that one listener needs: more than that is a bundle. */
const mostAuthorities = 8
const publicBundles =
  /^(\/etc\/ssl\/certs(\/ca-certificates\.crt|\/?$)|\/etc\/pki\/tls\/|\/usr\/share\/ca-certificates)/

export const trustRules: readonly Rule[] = [
  {
    id: 'D06',
    severity: 'critical',
    title: 'a certificate, authority or revocation list whose time is over',
    why: 'With an expired authority or an ended list a broker refuses every client that has a certificate, all at the same moment; with an expired certificate of its own, clients refuse it.',
    fix: 'castellan cert renew NAME; for a list: castellan ca publish-crl, or the tool of your authority, and copy it to crlfile',
    check: ({ tls, now }) =>
      tls.flatMap(({ served, authorities, lists, certfile, listener }) => [
        ...served.flatMap(certificate => expired(certificate, certfile, now)),
        ...authorities.flatMap(certificate => expired(certificate, trustLine(listener) ?? certfile, now)),
        ...lists
          .filter(({ nextUpdate = Number.POSITIVE_INFINITY }) => nextUpdate <= now)
          .map(({ place, nextUpdate = 0 }) => ({
            place,
            evidence: `the list ended at ${date(nextUpdate)}: every client with a certificate is refused`,
          })),
      ]),
    probe: ({ place, tls, now }) => (tls?.chain ?? []).flatMap(certificate => expired(certificate, place, now)),
  },
  {
    id: 'D07',
    severity: 'high',
    title: 'client certificates that cannot be revoked',
    why: 'A lost or stolen device is let in until its certificate ends.',
    fix: 'crlfile /etc/mosquitto/certs/ca.crl; with Castellan also ca_directory, crl_fetch true or ocsp soft',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => listener.isTls && listener.isOn('require_certificate'))
        .filter(listener => {
          const asks = !['', 'off'].includes(listener.last('ocsp')?.value ?? '')
          const hasOwn = configuration.globals.last('ca_directory') !== undefined
          return listener.last('crlfile') === undefined && !listener.isOn('crl_fetch') && !asks && !hasOwn
        })
        .map(listener => ({
          place: listener.last('require_certificate'),
          evidence: `${quoted(listener.name)} has no crlfile, and no other way to learn of revocations`,
        })),
  },
  {
    id: 'D08',
    severity: 'high',
    title: 'a revocation list that ends soon',
    why: 'When it ends every client with a certificate is refused: a list of one day, as easy-ca makes it, does so tomorrow.',
    fix: 'sign it for a week and copy it every day, by cron: castellan ca publish-crl; castellan crl fetch URL FILE; or crl_fetch true',
    check: ({ tls, now }) => tls.flatMap(each => endsSoon(each, now)),
  },
  {
    id: 'D09',
    severity: 'high',
    title: 'revocation lists that are not of the authorities that are trusted',
    why: 'Certificates of an authority without a list are all refused, and those that it has revoked are not known.',
    fix: 'cat issuing-ca.crl root-ca.crl > lists.crl, and crlfile of that: one of each authority in cafile',
    check: ({ tls }) => tls.flatMap(foreignLists),
  },
  {
    id: 'D10',
    severity: 'high',
    title: 'certificates that do not say who the user is',
    why: 'The certificate opens the door, and any name may then be given: who has a certificate and the password of somebody else is that somebody.',
    fix: 'use_identity_as_username true; with Castellan also certificate_username_match true, where passwords stay',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => listener.isTls && listener.isOn('require_certificate') && !listener.namesClients)
        .map(listener => ({
          place: listener.last('require_certificate'),
          evidence: `${quoted(listener.name)} has neither use_identity_as_username nor use_subject_as_username`,
        })),
  },
  {
    id: 'D14',
    severity: 'high',
    title: "the authority's private key on the broker's machine",
    why: 'Whoever gets into the broker makes certificates for every user there is, and nobody can tell them from others; a passphrase that was asked for and never used, as by easy-ca, protects nothing.',
    fix: 'move it to a machine that serves nothing; encrypt it: openssl pkey -aes256 -in ca.key -out ca.key.enc',
    check: authorityKeys,
  },
  {
    id: 'D15',
    severity: 'high',
    title: 'certificates of clients that are good for servers, too',
    why: 'A device with such a certificate can pass for the broker: clients that trust the authority believe it.',
    fix: 'castellan cert issue NAME --profile device: version 3, extendedKeyUsage clientAuth alone',
    check: facts => clientsAsServers(facts),
  },
  {
    id: 'D39',
    severity: 'medium',
    title: 'certificates that live too long, or share a key',
    why: 'What was lost and not noticed is good for that long; where one key is in several certificates, revoking one of them does not help.',
    fix: 'castellan cert issue, with a lifetime of a year and a key of its own; authorities for ten years',
    check: ({ tls, beside }) => [
      ...tls.flatMap(({ served, authorities, certfile, listener }) => [
        ...served.slice(0, 1).flatMap(leaf => longLived(leaf, longestLeafDays, certfile)),
        ...authorities.flatMap(ca => longLived(ca, longestAuthorityDays, trustLine(listener) ?? certfile)),
      ]),
      ...sharedKeys(beside.certificates),
    ],
    probe: ({ place, tls }) => (tls?.chain ?? []).slice(0, 1).flatMap(leaf => longLived(leaf, longestLeafDays, place)),
  },
  {
    id: 'D40',
    severity: 'medium',
    title: 'more authorities than are needed',
    why: 'Every certificate of every one of them opens the door: with the bundle of the operating system, any certificate for clients that can be bought.',
    fix: 'cafile of the one authority that issues to your devices',
    check: ({ tls }) => tls.flatMap(bundle),
  },
  {
    id: 'D43',
    severity: 'low',
    title: 'a clock that is wrong, or that nobody sets',
    why: 'Dates of certificates and lists are compared with it: when it is off, what is good is refused, and what has ended is let in.',
    fix: 'systemctl enable --now systemd-timesyncd',
    check: ({ tls, now, keepsTime, configuration }) => [
      ...tls.flatMap(({ served, authorities, lists, certfile }) => [
        ...[...served, ...authorities]
          .filter(({ notBefore }) => notBefore > now)
          .map(({ subject, notBefore }) => ({
            place: certfile,
            evidence: `${subject} begins only at ${date(notBefore)}`,
          })),
        ...lists
          .filter(({ thisUpdate }) => thisUpdate > now)
          .map(({ place, thisUpdate }) => ({
            place,
            evidence: `the list is of ${date(thisUpdate)}, which is to come`,
          })),
      ]),
      ...(keepsTime || tls.length === 0
        ? []
        : [{ place: configuration.settings[0], evidence: 'no service that sets the clock runs on this machine' }]),
    ],
  },
  {
    id: 'D44',
    severity: 'low',
    title: 'dates of client certificates are not looked at',
    why: 'A certificate that has ended opens the door for ever.',
    fix: 'disable_client_cert_date_checks false',
    check: ({ configuration }) =>
      configuration.listeners
        .filter(listener => listener.isOn('disable_client_cert_date_checks'))
        .map(listener => ({
          place: listener.last('disable_client_cert_date_checks'),
          evidence: 'disable_client_cert_date_checks true',
        })),
  },
]

function date(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function expired({ subject, notAfter }: Certificate, place: Place, now: number): readonly Observation[] {
  return notAfter > now ? [] : [{ place, evidence: `${subject} ended at ${date(notAfter)}` }]
}

function endsSoon({ lists, listener }: TlsFacts, now: number): readonly Observation[] {
  return lists.flatMap(({ place, thisUpdate, nextUpdate }) => {
    if (nextUpdate === undefined || nextUpdate <= now) return []
    const isShort = nextUpdate - thisUpdate < shortestListMs && !listener.isOn('crl_fetch')
    if (nextUpdate - now >= listWarningMs && !isShort) return []
    const lifeDays = ((nextUpdate - thisUpdate) / dayMs).toFixed(1)
    return [{ place, evidence: `the list ends at ${date(nextUpdate)}, and lives ${lifeDays} days` }]
  })
}

/** Lists that are there in place of those that have to be. */
function foreignLists({ lists, withoutList, authorities }: TlsFacts): readonly Observation[] {
  // Those that could not be read may be the right ones.
  if (authorities.length === 0) return []
  // `crl/all.pem` of an authority has the servers' list, too: beside one of each that is trusted it does no harm.
  if (withoutList.length === 0) return []
  const [first] = lists
  return [
    ...lists
      .filter(({ isSignedHere }) => !isSignedHere)
      .map(({ place, issuer }) => ({
        place,
        evidence: `the list of ${quoted(issuer)} is of no authority that the listener trusts`,
      })),
    ...withoutList.map(({ subject }) => ({ place: first?.place, evidence: `no list of ${subject} is there` })),
  ]
}

/** By its public key; an encrypted one by lying beside its certificate, under the same name. */
function authorityKeys({ tls, beside }: Facts): readonly Observation[] {
  const authorities = [...tls.flatMap(({ authorities }) => authorities), ...beside.certificates].filter(
    ({ x509 }) => x509.ca,
  )
  const byKey = new Map(authorities.map(authority => [authority.publicKey, authority]))
  const byStem = new Map(authorities.map(authority => [stemOf(authority.place.file), authority]))
  return beside.keys.flatMap(({ path, isEncrypted, publicKey }) => {
    const authority = publicKey === undefined ? byStem.get(stemOf(path)) : byKey.get(publicKey)
    if (authority === undefined) return []
    const state = isEncrypted ? 'encrypted' : 'not encrypted'
    return [{ place: { file: path }, evidence: `the key of ${authority.subject}, ${state}` }]
  })
}

function stemOf(path: string): string {
  return path.replace(/\.[^./]*$/, '')
}

/** Of the certificates that lie beside those that are served, what a trusted authority has issued for clients. */
function clientsAsServers({ tls, beside }: Facts): readonly Observation[] {
  const served = new Set(tls.flatMap(each => each.served.map(({ x509 }) => x509.fingerprint256)))
  const authorities = tls.flatMap(each => each.authorities)
  return beside.certificates
    .filter(({ x509, isSelfSigned }) => !served.has(x509.fingerprint256) && !isSelfSigned && !x509.ca)
    .filter(certificate => authorities.some(authority => hasIssued(authority, certificate)))
    .filter(certificate => isFor(certificate, 'client') && isFor(certificate, 'server'))
    .map(certificate => ({ place: certificate.place, evidence: `${certificate.subject} ${looseness(certificate)}` }))
}

function looseness({ isVersion1, purposes: named }: Certificate): string {
  if (isVersion1) return 'is of X.509 version 1, which cannot say what it is for'
  if (named === undefined) return 'has no extendedKeyUsage, and is for everything'
  return named.includes(purposes.any) ? 'is for any purpose' : 'has serverAuth and clientAuth'
}

function longLived(certificate: Certificate, mostDays: number, place: Place): readonly Observation[] {
  const days = Math.round((certificate.notAfter - certificate.notBefore) / dayMs)
  return days <= mostDays ? [] : [{ place, evidence: `${certificate.subject} lives ${days} days` }]
}

/** A renewed certificate keeps its subject, and may keep its key. */
function sharedKeys(certificates: readonly Certificate[]): readonly Observation[] {
  const owners = new Map<string, Certificate>()
  return certificates.flatMap(certificate => {
    const { publicKey, subject, place } = certificate
    const owner = owners.get(publicKey)
    if (owner === undefined) owners.set(publicKey, certificate)
    if (publicKey === '' || owner === undefined || owner.subject === subject) return []
    return [{ place, evidence: `${subject} has the key of ${owner.subject}` }]
  })
}

function bundle({ authorities, listener }: TlsFacts): readonly Observation[] {
  const place = trustLine(listener)
  if (place === undefined || !listener.isOn('require_certificate')) return []
  const isPublic = publicBundles.test(place.value)
  const count = authorities.filter(({ x509, isSelfSigned }) => x509.ca || isSelfSigned).length
  if (!isPublic && count <= mostAuthorities) return []
  const what = isPublic ? 'is the bundle of the operating system' : `holds ${count} authorities`
  return [{ place, evidence: `${place.name} ${quoted(place.value)} ${what}` }]
}
