// The pages of `castellan cert`.

import { bundleFormats } from '../../pki/bundle.ts'
import { openProfileNames } from '../../pki/profiles.ts'
import { revocationReasons } from '../../pki/revocation-reasons.ts'
import { caExitCodes, openOptions } from '../ca/help.ts'

const tail = `${openOptions}\n\n${caExitCodes}\n`

const profileLine = `  --profile NAME               ${openProfileNames.join(', ')},
                               or one of the authority's profiles.json; device by default`
const lifeLines = `  --days N                     how long it lives; the profile's lifetime by default
  --backdate TIME              let it begin that long ago, for devices without a clock: 24h; five minutes by default`
const bundleLines = `  --format NAME                ${bundleFormats.join(', ')}; dir by default
  --out DIR                    where it goes; here by default
  --bundle-passphrase-file FILE  of a p12 file
  -o json                      say what was done as JSON`

const whats = `NAME is the name in the certificate, a serial number, a SHA-256 fingerprint, or a file with the certificate.`

export const certHelp = {
  page: `Usage: castellan cert issue NAME       a certificate and its key, as files for a device, a server or a person
       castellan cert sign REQUEST     a certificate for a key that its holder keeps
       castellan cert renew NAME       the same names, a new key; bundle NAME: its files once more
       castellan cert bulk FILE.csv    a certificate for each row, thousands of them; goes on where it was stopped
       castellan cert revoke NAME...   and publish the list; hold and unhold for a while
       castellan cert list [TEXT]      what was issued; expiring, show
       castellan cert verify FILE      whether it is good: signature, dates, revocation, and that it was issued here
       castellan cert inspect FILE     what a certificate says; lint FILE: which rules it breaks

castellan cert ACTION --help tells all about one action. The authority is made by castellan ca init.
${caExitCodes}

Examples:
  castellan cert issue broker.example.org --profile server --san 192.0.2.7
  castellan cert issue device-17 --format zip
  castellan cert revoke device-17 --reason keyCompromise
  castellan cert expiring --in 30d -o json
`,
  issue: `Usage: castellan cert issue NAME [OPTIONS]

${profileLine}
  --san NAME                   a further host name, IP address, URI or email address; repeat it
${lifeLines}
  --key-type TYPE              ec-p256, ec-p384, ed25519, rsa-2048, rsa-3072, rsa-4096; the profile's by default
${bundleLines}
${tail}`,
  sign: `Usage: castellan cert sign REQUEST.csr [OPTIONS]

Of the request only the key, the CN and the alternative names count.

${profileLine}
  --name NAME                  instead of the CN in the request; then --san instead of its alternative names
  --san NAME
${lifeLines}
${bundleLines}
${tail}`,
  renew: `Usage: castellan cert renew NAME [OPTIONS]

${whats}
The old certificate stays valid until it ends, so that nothing breaks before the new one is in place.

  --request FILE               a request with the new key; without it one is made here
  --revoke-old                 revoke the old one at once (superseded)
${lifeLines}
${bundleLines}
${tail}`,
  bundle: `Usage: castellan cert bundle NAME [OPTIONS]

${whats}
Its files once more. The key was written once and is nowhere here; without --key the bundle has none.

  --key FILE                   the key, from its holder: for p12 and header
  --format NAME                ${bundleFormats.join(', ')}; dir by default
  --out DIR                    where it goes; here by default
  --bundle-passphrase-file FILE  of a p12 file
  -o json                      say what was done as JSON
${openOptions}

${caExitCodes}
`,
  verify: `Usage: castellan cert verify FILE [OPTIONS]

Judges the first certificate in FILE: who here signed it, whether it and its authorities are within their time and not revoked, and
whether it is in the journal: what our key has signed without that was signed by somebody else who has the key. Needs no passphrase.

  --purpose client|server      what it is to be used for
  --host NAME                  a host name or address that it is to hold for
  --at TIME                    as of then: 2027-01-31T12:00:00Z
  -o json
  --ca DIR

${caExitCodes}
`,
  bulk: `Usage: castellan cert bulk FILE.csv --out DIR [OPTIONS]

The first row of FILE names its columns: name, and if wanted san (several with blanks between) and days. DIR gets a bundle for each
row and manifest.csv. The same command again goes on where the last one was stopped, and does nothing twice.

${profileLine}
  --format NAME                zip (default), pem, header, json
  --out DIR
${tail}`,
  list: `Usage: castellan cert list [TEXT] [--state valid|held|revoked|expired] [--profile NAME] [-o table|json|tsv|name] [--ca DIR]

TEXT is part of a name or of a serial number.

${caExitCodes}
`,
  expiring: `Usage: castellan cert expiring [--in 30d] [-o table|json|tsv|name] [--ca DIR]

Certificates that end within that time and have no successor yet.

${caExitCodes}
`,
  show: `Usage: castellan cert show NAME [-o table|json|tsv|name] [--ca DIR]

${whats}

${caExitCodes}
`,
  revoke: `Usage: castellan cert revoke NAME... [--reason REASON] [OPTIONS]

${whats}
Revokes for good, and signs the list that says so.

  --reason REASON              ${Object.entries(revocationReasons)
    .filter(([name]) => name !== 'removeFromCRL')
    .map(([name, code]) => `${name} (${code})`)
    .join(', ')}
  -o json
${tail}`,
  hold: `Usage: castellan cert hold NAME... [OPTIONS]

${whats}
Revokes until castellan cert unhold (certificateHold).

  -o json
${tail}`,
  unhold: `Usage: castellan cert unhold NAME... [OPTIONS]

${whats}

  -o json
${tail}`,
  inspect: `Usage: castellan cert inspect FILE

Every certificate in FILE, PEM or DER, whoever issued it.

${caExitCodes}
`,
  lint: `Usage: castellan cert lint FILE [-o json]

Names each rule of RFC 5280 and of good practice that the certificates in FILE break.

${caExitCodes}
`,
} as const
