// The options of an authority that a broker looks after.

import { option } from '../config/option.ts'
import { bool, path } from '../config/value.ts'
import { httpAddress } from '../http/options.ts'

export const certificateOptions = {
  allow_unissued_certificates: option({
    scope: 'global',
    value: bool(),
    default: false,
    reload: 'live',
    doc: 'Whether client certificates are accepted that bear the signature of an authority of `ca_directory`, and that it has no record of. DANGEROUS when true: whoever has copied its key, or had it for a moment, is let in under any name, and no revocation list ends that.',
    own: true,
  }),
  ca_directory: option({
    scope: 'global',
    value: path(),
    default: undefined,
    reload: 'restart',
    doc: 'An authority that `castellan ca init` made: the broker signs its revocation lists before they are due. What to check clients by is still `cafile` and `crlfile`, `trust/devices.pem` and `crl/all.pem` below it.',
    own: true,
  }),
  ca_listener: option({
    scope: 'global',
    value: httpAddress(),
    default: undefined,
    reload: 'restart',
    doc: 'Where the revocation lists and OCSP of `ca_directory` are answered, in plain HTTP and to everybody; without an address on 127.0.0.1 alone, without this line nowhere.',
    own: true,
  }),
  ca_passphrase_file: option({
    scope: 'global',
    value: path(),
    default: undefined,
    reload: 'restart',
    doc: 'File whose first line opens the keys of `ca_directory`. Without it lists are served, and not signed.',
    own: true,
  }),
}
