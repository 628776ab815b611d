// The pages of `castellan ca`.

const passphraseOptions = `  --passphrase-file FILE       the passphrase is its first line; without it a person is asked
  --passphrase-env NAME        the passphrase is in this variable of the environment
  --root-passphrase-file FILE  of the root's key, where that is another one`

const where = `  --ca DIR                     the authority's directory; else CASTELLAN_CA, else ./ca`

/** Exit codes of all actions of `ca` and `cert`. */
export const caExitCodes = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such certificate, 4 a key stays locked, 5 it is there already, 7 a rule
forbids it, 8 done in part`

export const openOptions = `${where}\n${passphraseOptions}`

export const caHelp = {
  page: `Usage: castellan ca init DIR      a root, an authority for servers and one for devices below it, all keys encrypted
       castellan ca show [DIR]      authorities, fingerprints, lists, how many certificates
       castellan ca list            what each authority issues, its key, its certificates
       castellan ca rotate ID       a new key in the place of an issuing authority's, without a gap
       castellan ca sign-issuing REQUEST.csr  a certificate for an issuing authority elsewhere
       castellan ca lock            nothing is signed until castellan ca unlock
       castellan ca publish-crl     sign every revocation list that is due
       castellan ca serve           lists and OCSP over HTTP, lists signed by timer
       castellan ca import FROM DIR take over an authority of easy-ca, easy-rsa, generate-CA.sh or openssl
       castellan ca export ID DIR   an authority as openssl ca goes on with it
       castellan ca backup FILE     one encrypted file with everything but an offline root's key
       castellan ca restore FILE DIR

castellan ca ACTION --help tells all about one action. Certificates are made by castellan cert.
${caExitCodes}

Examples:
  castellan ca init ca --name Fleet --url http://pki.example.org
  castellan ca publish-crl --ca ca --passphrase-file /run/keys/ca
`,
  init: `Usage: castellan ca init DIR [OPTIONS]

Makes the directory DIR, which must not exist: a root (ten years) and below it one authority that issues to servers only
and one that issues to devices only (five years each), so that a stolen server key never logs in as a device.

  --name NAME                  of the authorities: 'NAME Root CA' and so on; Castellan by default
  --organization NAME          the O of their names
  --url URL                    where lists, OCSP and authorities are served; every certificate points there
  --domain DOMAIN              bind device certificates to host names of this domain
  --key-type TYPE              ec-p256 (default), ec-p384, ed25519, rsa-2048, rsa-3072, rsa-4096
  --offline-root DIR           put the root's key there instead: a removable medium
${passphraseOptions}

${caExitCodes}
`,
  show: `Usage: castellan ca show [DIR] [--ca DIR] [-o table|json|name]

${caExitCodes}
`,
  list: `Usage: castellan ca list [--ca DIR] [-o table|json|tsv|name]

STATE is active, replaced (signs its list alone), locked or expired; KEY is encrypted, in the clear or elsewhere; CERTIFICATES
are those that are neither revoked nor ended.

${caExitCodes}
`,
  lock: `Usage: castellan ca lock [--ca DIR]

From now on nothing is signed in this directory, neither by this program nor by a broker or castellan ca serve that has the
passphrase. Lists are served as they are, and OCSP knows of revocations at once. Lists end after seven days.

${caExitCodes}
`,
  unlock: `Usage: castellan ca unlock [OPTIONS]

Ends castellan ca lock, for who has the passphrase.

${where}
${passphraseOptions}

${caExitCodes}
`,
  rotate: `Usage: castellan ca rotate ID [OPTIONS]

ID is 'server', 'device', or what castellan ca list names. Below the same root an authority with a new key is made, ID-2, that
issues from now on; renewals come from it, too. The old one issues nothing more and signs its list for as long as it has
certificates. trust/devices.pem has both: listeners that name it let everybody in as before. The root's key is needed.

  --key-type TYPE              ec-p256 (default), ec-p384, ed25519, rsa-2048, rsa-3072, rsa-4096
  -o json
${where}
${passphraseOptions}

${caExitCodes}
`,
  signIssuing: `Usage: castellan ca sign-issuing REQUEST.csr --issues server|device --out FILE [OPTIONS]

Signs, with the root's key, an issuing authority whose own key is elsewhere: it may issue for this one purpose and have no
authority below it. It is in the list of certificates, and castellan cert revoke ends it.

  --issues KIND                server or device
  --name NAME                  its CN, instead of the one in the request
  --out FILE                   its certificate and the root
  -o json
${where}
${passphraseOptions}

${caExitCodes}
`,
  export: `Usage: castellan ca export ID DIR [--with-key] [--ca DIR]

Makes DIR with what openssl ca goes on with, and castellan ca import takes back: ca.crt, chain.pem, index.txt, newcerts, crl.pem,
crlnumber.

  --with-key                   private/ca.key, too, encrypted as it is

${caExitCodes}
`,
  publishCrl: `Usage: castellan ca publish-crl [--force] [OPTIONS]

Signs every list that is due: after a day (a root's after four months), or when it is missing. For cron or a timer; a
broker that runs with the authority does it by itself. Lists are valid for seven days, a root's for a year.

  --force                      sign those that are fresh, too
${where}
${passphraseOptions}

${caExitCodes}
`,
  serve: `Usage: castellan ca serve [--listen ADDRESS:PORT] [OPTIONS]

Serves /crl/ID.crl, /ca/ID.crt and /ocsp until it is told to stop, and signs lists that are due. Without --passphrase-file
it serves what there is, and signs nothing. 127.0.0.1:8888 by default.

${where}
  --passphrase-file FILE

${caExitCodes}
`,
  backup: `Usage: castellan ca backup FILE [OPTIONS]

Writes everything into one file, encrypted with AES-256-GCM under a passphrase of its own. The keys in it stay encrypted
with theirs, too.

  --with-root                  the root's key, too; without this it is left out
  --backup-passphrase-file FILE
${where}

${caExitCodes}
`,
  restore: `Usage: castellan ca restore FILE DIR [--verify] [--backup-passphrase-file FILE]

  --verify                     only look whether the file is whole and opens; DIR is not needed then

${caExitCodes}
`,
  import: `Usage: castellan ca import FROM DIR [OPTIONS]

FROM is the directory of easy-ca, of easy-rsa (its pki directory), of generate-CA.sh, of mkcert, or one with ca.crt and ca.key and
perhaps an index.txt. It is only read, and every fault in it is named. DIR is made; serial numbers, revocations and the
number of the last list come along, the key is encrypted with a new passphrase, and a list is signed at once.

  --old-passphrase-file FILE   of the key in FROM, where it is encrypted
  --url URL                    where lists, OCSP and authorities will be served
  --passphrase-file FILE       of the key in DIR
  --passphrase-env NAME

${caExitCodes}
`,
} as const
