// The cases of NIST's suite in which not everybody says the same, with the reason; docs/reference/pkits.md is made from it, and
// the test holds it to what the verifiers say.

export type Verdict = 'accepts' | 'refuses'

export interface Difference {
  readonly title: string
  readonly cases: readonly string[]
  readonly nist: Verdict
  readonly openssl: Verdict
  readonly castellan: Verdict
  /** What our log says of each of them, when we refuse. */
  readonly log?: RegExp
  readonly why: string
}

/** Of the whole suite. */
export const caseCount = 224

export const differences: readonly Difference[] = [
  {
    title: 'An authority with a second key',
    cases: [
      'ValidBasicSelfIssuedCRLSigningKeyTest6',
      'ValidBasicSelfIssuedNewWithOldTest4',
      'ValidBasicSelfIssuedOldWithNewTest1',
      'ValidSelfIssuedDNnameConstraintsTest19',
      'ValidSelfIssuedinhibitAnyPolicyTest9',
      'ValidSelfIssuedpathLenConstraintTest15',
      'ValidSelfIssuedpathLenConstraintTest17',
      'ValidSelfIssuedrequireExplicitPolicyTest6',
      'ValidSeparateCertificateandCRLKeysTest19',
    ],
    nist: 'accepts',
    openssl: 'accepts',
    castellan: 'refuses',
    log: /^there is no revocation list of its authority$/,
    why: "The list is signed with another key than the certificate. Here a list speaks of what the same key has issued, and nothing is known of the rest: it is refused, unless `crl_missing accept` says otherwise. Some authorities keep one list for each key, Windows' among them: the list of one key taken for the other's would call good whom that one names. An authority that changes its key has to sign a list with the old one, too, as long as certificates of that key are about.",
  },
  {
    title: 'Indirect lists',
    cases: [
      'ValidIDPwithindirectCRLTest22',
      'ValidIDPwithindirectCRLTest24',
      'ValidIDPwithindirectCRLTest25',
      'ValidcRLIssuerTest28',
      'ValidcRLIssuerTest29',
      'ValidcRLIssuerTest33',
    ],
    nist: 'accepts',
    openssl: 'accepts',
    castellan: 'refuses',
    log: /^crlfile: revocation list \d in it: it is an indirect list$/,
    why: 'A list on which several authorities have entries. It is refused, and with it the file (decision 14).',
  },
  {
    title: 'An indirect list that is beyond openssl, too',
    cases: ['ValidcRLIssuerTest30'],
    nist: 'accepts',
    openssl: 'refuses',
    castellan: 'refuses',
    log: /^crlfile: revocation list \d in it: it is an indirect list$/,
    why: 'As above; here who has signed the list has to be found by way of the list itself.',
  },
  {
    title: 'Lists of some reasons',
    cases: ['ValidonlySomeReasonsTest18', 'ValidonlySomeReasonsTest19'],
    nist: 'accepts',
    openssl: 'accepts',
    castellan: 'refuses',
    log: /^crlfile: revocation list \d in it: it speaks of some reasons only$/,
    why: 'Two lists share the reasons between them. Such a list is refused, and with it the file (decision 14).',
  },
  {
    title: 'Authorities that come as clients',
    cases: [
      'OverlappingPoliciesTest6',
      'ValidonlyContainsCACertsCRLTest13',
      'ValidpathLenConstraintTest8',
      'ValidpathLenConstraintTest14',
    ],
    nist: 'accepts',
    openssl: 'accepts',
    castellan: 'refuses',
    log: /^certificate is an authority's$/,
    why: 'The last certificate of the chain is one that may issue others. The broker lets no authority in as a client.',
  },
  {
    title: 'DSA',
    cases: ['ValidDSASignaturesTest4'],
    nist: 'accepts',
    openssl: 'accepts',
    castellan: 'refuses',
    log: /^crlfile: revocation list \d in it: it is signed with 1\.2\.840\.10040\.4\.3 /,
    why: 'Chain and list are signed with DSA and SHA-1, with keys of 1024 bits. TLS has given up all three.',
  },
  {
    title: 'DSA, with parameters inherited',
    cases: ['ValidDSAParameterInheritanceTest5'],
    nist: 'accepts',
    openssl: 'refuses',
    castellan: 'refuses',
    log: /^crlfile: revocation list \d in it: it is signed with 1\.2\.840\.10040\.4\.3 /,
    why: 'As above. That a key has its parameters from the one that signed it, openssl does not support either.',
  },
  {
    title: 'Basic constraints that are not critical',
    cases: ['ValidbasicConstraintsNotCriticalTest4'],
    nist: 'accepts',
    openssl: 'refuses',
    castellan: 'accepts',
    why: 'Only `-x509_strict` minds that an authority has not marked the extension as critical; what it says counts all the same.',
  },
]
