// The page about NIST's path validation suite, made from the table of differences that its test holds.

import { caseCount, type Difference, differences } from '../test/judges/pkits-differences.ts'

/** The text of docs/reference/pkits.md. */
export function pkitsPage(): string {
  return `${[introduction(), ...differences.map(section)].join('\n\n')}\n`
}

function introduction(): string {
  const others = differences.reduce((sum, { cases }) => sum + cases.length, 0)
  return `# Chains and revocation lists, as others judge them

Made by \`npm run docs\` from \`test/judges/pkits-differences.ts\`.

NIST's Public Key Interoperability Test Suite (PKITS) has ${caseCount} chains of certificates with their revocation lists, each with
the verdict that a verifier should come to. Debian has them in the package python3-cryptography-vectors. For each of them the tests start
a listener with the suite's root as \`cafile\` and the lists as \`crlfile\`, and knock with the client's certificate and key; beside it
they ask \`openssl verify -x509_strict -crl_check_all -extended_crl -use_deltas -policy_check -purpose sslclient\`.

All three agree on ${caseCount - others} cases. The other ${others} are here, with the reason: in none of them does the
broker accept what NIST refuses.`
}

function section({ title, cases, nist, openssl, castellan, why }: Difference): string {
  return `## ${title}

| NIST | openssl | Castellan | cases |
|---|---|---|---|
| ${nist} | ${openssl} | ${castellan} | ${cases.join(', ')} |

${why}`
}
