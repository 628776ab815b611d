// The certificate and key that a listener serves.

import { isIP } from 'node:net'
import { addressesAsNames, alternativeNames, type Certificate, hasIssued, isFor, purposes } from '../certificates.ts'
import type { Listener, Setting } from '../configuration.ts'
import type { Facts } from '../facts.ts'
import { type Observation, type Place, quoted, type Rule } from '../finding.ts'
import type { TlsFacts } from '../tls-facts.ts'

const leastRsaBits = 2048

export const certificateRules: readonly Rule[] = [
  {
    id: 'D11',
    severity: 'high',
    title: "a client's certificate in the place of the server's",
    why: 'Certificates and keys of clients stay with the clients: the broker needs its own and the certificate of the authority, no other. Who has the key of a client passes for it.',
    fix: 'one listener, certfile and keyfile of the broker alone; remove the lines of this one, and its key from this machine',
    check: facts => [...twoPaths(facts), ...facts.tls.flatMap(tls => clientAsServer(facts, tls))],
  },
  {
    id: 'D12',
    severity: 'high',
    title: 'a certificate and key that do not go together, or are not whole',
    why: 'The listener does not start, or clients that know the root alone refuse it.',
    fix: 'cat server.crt issuing-ca.crt > server-chain.crt, and certfile of that; keyfile of the key that the request was made with, without a passphrase',
    check: ({ tls }) => tls.flatMap(each => [...keyFaults(each), ...chainFaults(each)]),
  },
  {
    id: 'D13',
    severity: 'high',
    title: 'a server certificate that does not name the server',
    why: 'Clients compare the name that they connect to with subjectAltName alone: they refuse it, or their owners switch the comparison off, and then anybody is the server.',
    fix: 'castellan cert issue NAME --profile server --san ADDRESS',
    check: ({ tls }) =>
      tls.flatMap(({ served: [leaf], listener, certfile }) => (leaf ? nameFaults(leaf, listener, certfile) : [])),
    probe: ({ place, tls }) => (tls?.nameFault === undefined ? [] : [{ place, evidence: tls.nameFault }]),
  },
  {
    id: 'D16',
    severity: 'high',
    title: 'a server certificate that is one for clients, too',
    why: 'Whoever takes the key from the broker logs in with it, under the name of the server.',
    fix: 'castellan cert issue NAME --profile server: extendedKeyUsage serverAuth alone',
    check: ({ tls }) => tls.flatMap(({ served: [leaf], certfile }) => (leaf ? bothPurposes(leaf, certfile) : [])),
    probe: ({ place, tls }) => {
      const [leaf] = tls?.chain ?? []
      return leaf === undefined ? [] : bothPurposes(leaf, place)
    },
  },
  {
    id: 'D19',
    severity: 'high',
    title: 'TLS that is broken, or soon will be',
    why: 'TLS before 1.2, short RSA keys, SHA-1 and the ciphers of the nineties are read or forged by others.',
    fix: 'tls_version tlsv1.2, no ciphers line, and keys by: castellan cert issue (P-256)',
    check: ({ configuration, tls }) => [
      ...configuration.every('tls_version', 'bridge_tls_version').flatMap(oldVersion),
      ...configuration.every('ciphers', 'bridge_ciphers').flatMap(weakCiphers),
      ...tls.flatMap(({ served, authorities, certfile, listener }) => [
        ...served.flatMap(certificate => weakSignature(certificate, certfile)),
        ...authorities.flatMap(certificate => weakSignature(certificate, trustLine(listener) ?? certfile)),
      ]),
    ],
    probe: ({ place, tls }) => [
      ...(tls?.versions ?? [])
        .filter(version => version === 'TLSv1' || version === 'TLSv1.1')
        .map(version => ({ place, evidence: `${version} is accepted` })),
      ...(tls?.chain ?? []).flatMap(certificate => weakSignature(certificate, place)),
    ],
  },
]

/** The line that says whom a listener trusts. */
export function trustLine(listener: Listener): Setting | undefined {
  return listener.last('cafile') ?? listener.last('capath')
}

function twoPaths({ configuration }: Facts): readonly Observation[] {
  return configuration
    .every('certfile', 'keyfile')
    .filter(({ value }) => isSeveral(value.split(/ +/)))
    .map(setting => ({
      place: setting,
      evidence: `${setting.name} ${quoted(setting.value)} is read as one path; a listener has one certificate`,
    }))
}

/** A path may have blanks in it, but begins and ends once. */
function isSeveral(words: readonly string[]): boolean {
  const begun = words.filter(word => word.startsWith('/')).length
  const ended = words.filter(word => /\.(crt|cer|cert|pem|key)$/i.test(word)).length
  return begun > 1 || ended > 1
}

/** Its purpose says so, or its CN is a user's name. */
function clientAsServer({ passwords, acls }: Facts, { served: [leaf], certfile }: TlsFacts): readonly Observation[] {
  if (leaf === undefined) return []
  if (isFor(leaf, 'client') && !isFor(leaf, 'server')) {
    return [{ place: certfile, evidence: `${quoted(certfile.value)} (${leaf.subject}) is for clients alone` }]
  }
  const users = new Set([
    ...passwords.flatMap(({ content }) => content.map(({ username }) => username)),
    ...acls.flatMap(({ content }) => [...content.users.keys()]),
  ])
  if (leaf.commonName === undefined || !users.has(leaf.commonName)) return []
  return [{ place: certfile, evidence: `its CN ${quoted(leaf.commonName)} is the name of a user` }]
}

function keyFaults({ served: [leaf], key, listener }: TlsFacts): readonly Observation[] {
  const place = listener.last('keyfile')
  if (key === undefined) return []
  if (key.isEncrypted)
    return [{ place, evidence: `${quoted(key.path)} has a passphrase, and nobody types it at the start` }]
  const fits = leaf === undefined || key.publicKey === undefined || key.publicKey === leaf.publicKey
  return fits ? [] : [{ place, evidence: `${quoted(key.path)} is not the key of ${leaf.subject}` }]
}

/** An issuer that is known, and is no root, has to be in the file: clients know roots. */
function chainFaults({ served, authorities, certfile }: TlsFacts): readonly Observation[] {
  const last = served.at(-1)
  if (last === undefined || last.isSelfSigned) return []
  const issuer = authorities.find(authority => hasIssued(authority, last))
  if (issuer === undefined || issuer.isSelfSigned) return []
  return [{ place: certfile, evidence: `${issuer.subject}, which issued ${last.subject}, is not in the file` }]
}

function nameFaults(leaf: Certificate, { address }: Listener, certfile: Setting): readonly Observation[] {
  const wrong = addressesAsNames(leaf).map(name => ({
    place: certfile,
    evidence: `the address ${quoted(name)} is written as a host name, which no client compares it with`,
  }))
  if (alternativeNames(leaf) === '') {
    return [{ place: certfile, evidence: `${leaf.subject} has no subjectAltName` }]
  }
  if (address === undefined) return wrong
  const held = isIP(address) === 0 ? leaf.x509.checkHost(address) : leaf.x509.checkIP(address)
  if (held !== undefined) return wrong
  return [...wrong, { place: certfile, evidence: `${leaf.subject} does not hold for ${quoted(address)}` }]
}

function bothPurposes(leaf: Certificate, place: Place): readonly Observation[] {
  if (!isFor(leaf, 'client') || leaf.purposes?.includes(purposes.server) === false) return []
  const says = leaf.purposes === undefined ? 'says nothing of its purpose, and passes for any' : 'has clientAuth'
  return [{ place, evidence: `${leaf.subject} ${says}` }]
}

function oldVersion(setting: Setting): readonly Observation[] {
  if (!/^(tlsv1(\.[01])?|sslv\d)$/i.test(setting.value)) return []
  return [{ place: setting, evidence: `${setting.name} ${quoted(setting.value)}` }]
}

const weakCipher = /RC4|RC2|DES|MD5|NULL|EXP|LOW|ADH|AECDH|SSLv[23]|COMPLEMENTOF|@SECLEVEL=[01]/

/** What is taken away begins with `!` or `-`. */
function weakCiphers(setting: Setting): readonly Observation[] {
  const weak = setting.value.split(/[:, ]+/).filter(word => !/^[!-]/.test(word) && weakCipher.test(word))
  if (weak.length === 0) return []
  return [{ place: setting, evidence: `${setting.name} allows ${quoted(weak.join(':'))}` }]
}

/** Nobody asks for the signature of a root: it is trusted for being there. */
function weakSignature(certificate: Certificate, place: Place): readonly Observation[] {
  const { rsaBits = leastRsaBits, brokenDigest, isSelfSigned, subject } = certificate
  return [
    ...(rsaBits < leastRsaBits ? [{ place, evidence: `${subject} has an RSA key of ${rsaBits} bits` }] : []),
    ...(brokenDigest === undefined || isSelfSigned
      ? []
      : [{ place, evidence: `${subject} is signed with ${brokenDigest}` }]),
  ]
}
