// The pages of `castellan acl`.

const rules = `Whose rules
  -c, --config-file FILE   those of a mosquitto.conf, for each listener: its acl_file, its dynamic security
      --listener PORT      of one of its listeners alone, by port, address:port or path
      --acl-file FILE      an ACL file without a configuration
      --dynsec-file FILE   a dynamic-security.json without one; with both, as a listener that has both
`

export const aclHelp = {
  page: `Usage: castellan acl check CLIENT ACTION TOPIC    whether CLIENT may, and which rule says so
       castellan acl test FILE                    whether a table of expectations holds, for CI

castellan acl ACTION --help tells all about one action. Exit codes: 0 allowed, or all as expected; 1 denied, or not as expected;
2 wrong usage, or something that cannot be read or reached.

Example: castellan acl check -c mosquitto.conf alice publish sensors/a/up
`,
  check: `Usage: castellan acl check CLIENT ACTION TOPIC [OPTIONS]

CLIENT is a user name, - for a client without one. ACTION is publish, receive, subscribe or unsubscribe; write and read, as ACL files
have them, are publish and receive. What decides is the broker's own code. Whether the client gets in at all is not asked.

      --id ID              its client id, for %c; unless given the same as CLIENT
      --will, --retain     what is published is a will, or retained
      --as-cert FILE       it shows this certificate: the listener takes its name, roles, groups and %{cert...} from it
      --ip ADDRESS         it comes from there: a ban of address, name or client id counts
      --qos 0|1|2          of what is published, or subscribed to: max_qos counts
  -o json

${rules}
A running broker instead, by explainAccess of $CONTROL/broker/v1 (enable_control_api true, and a right to it)
  -L, --url URL            mqtt://HOST[:PORT], mqtts://…
      --host HOST, -p, --port PORT, --unix PATH    instead of it
  -u, --username NAME      who asks; the password is asked for
      --password-file FILE, --password-env NAME    instead of asking
      --cafile FILE, --capath DIRECTORY, --tls-use-os-certs, --cert FILE, --key FILE, --insecure    as for castellan ctl
A client that is connected with this id is asked about with all that it was given at its login.

Exit codes: 0 allowed (on each listener), 1 denied, 2 wrong usage, or something that cannot be read or reached.

Examples:
  castellan acl check --acl-file rules.acl - receive public/all
  castellan acl check -L mqtts://broker.example -u admin --cafile ca.crt device-17 publish sensors/device-18/up
`,
  test: `Usage: castellan acl test FILE [OPTIONS]

FILE has an expectation a line: allow or deny, then what \`acl check\` is given. A line that begins with # is a comment; a word with
blanks in it is written as a string of JSON.

  allow  alice  publish    sensors/a/up
  deny   -      receive    "a topic with blanks"   id=nobody-1
  deny   alice  publish    $SYS/x                  will
  allow  alice  subscribe  sensors/#
  deny   -      publish    plant/1                 cert=line-2.crt ip=192.0.2.7 qos=1

      --as-cert FILE, --ip ADDRESS, --qos N    as for check, for all lines that do not say it themselves
      --format tap|junit   what is printed, with the deciding rule of each line that does not hold; tap unless given

${rules}
Exit codes: 0 all as expected, 1 not, 2 wrong usage, or something that cannot be read.

Example: castellan acl test expectations.txt -c /etc/mosquitto/mosquitto.conf --format junit
`,
} as const
