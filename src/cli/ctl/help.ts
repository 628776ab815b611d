// The pages of `castellan ctl`, under the name it was called by.

/** The text of `--help`. */
export function ctlHelp(calledAs: string): string {
  return `Usage: ${calledAs} [OPTIONS] MODULE COMMAND [ARGUMENTS]
       ${calledAs} dynsec help     users, groups and roles of a running broker
       ${calledAs} broker help     its listeners, plugins and connections
       ${calledAs} [OPTIONS]       a shell: commands line by line, from a terminal or a pipe; help lists them

Where the broker is
  -h, --host HOST          localhost unless given
  -p, --port PORT          1883, with TLS 8883
  -L, --url URL            mqtt://[user[:password]@]host[:port], mqtts://… for TLS
      --unix PATH          a unix socket
  -A ADDRESS               the address of this machine to connect from

Who asks
  -u, --username NAME      without a password it is asked for
  -P, --pw PASSWORD        other users of this machine can see it here
      --password-file FILE, --password-env NAME    where they cannot
  -i, --id ID              client id
  -c, --disable-clean-session    go on with its session

TLS
      --cafile FILE, --capath DIRECTORY, --tls-use-os-certs    whom to trust
      --cert FILE, --key FILE                                  a certificate of one's own
      --psk HEX, --psk-identity NAME                           a shared key instead of certificates (TLS 1.2)
      --tls-version tlsv1.2|tlsv1.3, --ciphers LIST, --tls-alpn PROTOCOL
      --insecure           do not compare the name in the broker's certificate

      --quiet              nothing on standard error
  -o json                  print the answer as JSON
  -o FILE                  read options from FILE, one a line; else from $XDG_CONFIG_HOME/mosquitto_ctrl or
                           ~/.config/mosquitto_ctrl, where these are
  -f FILE                  set a password in FILE itself (dynsec setClientPassword); then, and with dynsec init, --password-file and
                           --password-env give the new one
  -q, --qos QOS            1 unless given
  -V, --protocol-version VERSION    31, 311 or 5, which is what is spoken unless given
  -d, --debug              accepted, and prints nothing
      --help, --version

${exitCodes(calledAs)}
Example: ${calledAs} -u admin dynsec listClients
`
}

function exitCodes(calledAs: string): string {
  return calledAs === 'mosquitto_ctrl'
    ? `Exit codes: 0 done, 1 refused, or wrong usage, 3 wrong arguments, 10 unknown module, 13 unknown command, 14 the broker
cannot be reached. What a broker refuses was 0 before.
`
    : `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not let in, 5 there already, 6 the broker cannot be reached.
`
}

/** The text of `dynsec help`. */
export function dynsecHelp(calledAs: string): string {
  return `Usage: ${calledAs} [OPTIONS] dynsec COMMAND [ARGUMENTS]

  init FILE ADMIN [PASSWORD]       a new file, without a broker; an administrator is all it has

  getDefaultACLAccess              what holds where no role speaks
  setDefaultACLAccess publishClientSend|publishClientReceive|subscribe|unsubscribe allow|deny
  getAnonymousGroup
  setAnonymousGroup GROUP          the group of clients without a name
  getDetails                       how many there are

  createClient USER [-c CLIENTID] [-p PASSWORD]    without -p the password is asked for
  deleteClient | getClient | enableClient | disableClient USER
  listClients [COUNT [OFFSET]]
  setClientPassword USER [PASSWORD]
  setClientId USER [CLIENTID]      without CLIENTID any will do
  addClientRole USER ROLE [PRIORITY]
  removeClientRole USER ROLE
  modifyClient USER textName|textDescription TEXT

  createGroup | deleteGroup | getGroup GROUP
  listGroups [COUNT [OFFSET]]
  addGroupRole GROUP ROLE [PRIORITY]
  removeGroupRole GROUP ROLE
  addGroupClient GROUP USER [PRIORITY]
  removeGroupClient GROUP USER
  modifyGroup GROUP textName|textDescription TEXT

  createRole | deleteRole | getRole ROLE
  listRoles [COUNT [OFFSET]]
  addRoleACL ROLE ACLTYPE FILTER allow|deny [PRIORITY]
  removeRoleACL ROLE ACLTYPE FILTER
  modifyRole ROLE allowWildcardSubs true|false
  modifyRole ROLE textName|textDescription TEXT

ACLTYPE is publishClientSend, publishClientReceive, subscribeLiteral, subscribePattern, unsubscribeLiteral or
unsubscribePattern. A higher PRIORITY is asked first.
`
}

/** The text of `broker help`. */
export function brokerHelp(calledAs: string): string {
  return `Usage: ${calledAs} [OPTIONS] broker COMMAND [ARGUMENTS]

  listListeners                    ports, protocols, and whether there is TLS
  listPlugins                      what stands in for the plugins that are named
  listConnections [COUNT [OFFSET]] client id, user name and address, with a tab between
  inspectConnection CLIENTID       all of one connection
  explainAccess USER publish|receive|subscribe|unsubscribe TOPIC [CLIENTID]   whether USER may, and which rule says so; - for USER is
                                   nobody's name, or whoever is connected as CLIENTID
  disconnectClient CLIENTID [REASON]   ends it; a client of MQTT 5 is told REASON
  createBan clientid|username|address WHO [UNTIL [REASON]]   UNTIL is 30m, 12h, 7d, a time, or never
  deleteBan clientid|username|address WHO
  listBans [COUNT [OFFSET]]        what, who, until when and why, with a tab between

The broker needs \`enable_control_api true\`, for bans \`ban_file\` too, and whoever asks rules for $CONTROL/broker/#: publishClientSend,
publishClientReceive and subscribePattern, or \`topic readwrite\` in an ACL file.
`
}
