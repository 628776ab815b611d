// The pages of `castellan audit`.

import { auditKinds, auditOutcomes } from '../../audit/event.ts'

const codes = `Exit codes: 0 done, 1 the files cannot be read, 2 wrong usage, 3 nothing was found, 7 a record is not as it was written`

const output = '  -o json                      each record as it stands in the file, a JSON object on a line'

const query = `  --user NAME                  who did it, or claimed to be
  --client ID                  under which client id
  --address ADDRESS            from which IP address
  --kind KIND                  ${auditKinds.slice(0, 6).join(', ')},
                               ${auditKinds.slice(6).join(', ')}; may be repeated
  --outcome OUTCOME            ${auditOutcomes.join(', ')}
  --command NAME               a command of $CONTROL, such as createClient
  --since TIME, --until TIME   2026-11-22T15:30:00Z, or how long ago: 90s, 5m, 24h, 30d
  --text TEXT                  somewhere in the record, as it stands in the file`

export const auditHelp = {
  page: `Usage: castellan audit tail FILE      the last records, and with -f those that come
       castellan audit search FILE    records by who, what, when and outcome
       castellan audit export FILE    the same into a file of their own, with a proof
       castellan audit verify FILE    whether all is as it was written

FILE is what the broker's audit_file names; castellan up makes it castellan-data/audit.jsonl. The earlier files beside it are read
with it. castellan audit ACTION --help tells all about one action.
${codes}

Examples:
  castellan audit tail -f castellan-data/audit.jsonl
  castellan audit search castellan-data/audit.jsonl --user alice --outcome refused --since 24h
  castellan audit verify castellan-data/audit.jsonl --expect 5f2c...
`,
  tail: `Usage: castellan audit tail FILE [OPTIONS]

  -n, --lines NUMBER           how many of the last records (default 20)
  -f, --follow                 goes on with those that come, through rotations, until it is interrupted
${output}

${codes}
`,
  search: `Usage: castellan audit search FILE [OPTIONS]

Shows the records for which all that is given holds, the oldest first.

${query}
${output}

${codes}
`,
  export: `Usage: castellan audit export FILE --to FILE [OPTIONS]

Writes the records for which all that is given holds, the oldest first, and beside them FILE.proof: what was asked for, which records
these are, the SHA-256 of the file, and the hash with which the whole audit ended then. An audit that is not as it was written is not
exported, and a file that is there already is left as it is.

  --to FILE                    where the records go
  --format jsonl|csv           records as they stand, a JSON object on a line (the default), or a row each for spreadsheets
${query}

${codes},
5 a file is there already

Example: castellan audit export castellan-data/audit.jsonl --kind command --since 30d --to commands.jsonl
`,
  verify: `Usage: castellan audit verify FILE [OPTIONS]

Follows the chain from the first record that is there to the last, and names the first line that does not follow: one that was
changed, removed, put in or moved. That the end was cut off shows as far as FILE.head tells, which is written whenever the file is
made safe (audit_sync_interval), and by --expect. Whoever may write to all these files can write them anew: keep hashes elsewhere, as
the broker's log has them at each start, rotation and stop.

  --expect HASH                a hash that some record has to have, 64 hexadecimal digits
  --proof PROOF                FILE is an export: whether it is the one that this proof was written for; --expect may be the hash
                               with which the audit ended
  -o json                      the verdict as JSON

${codes}
`,
} as const
