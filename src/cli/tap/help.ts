// What the verbs that are clients say of the options that they share, and the page of `castellan tap`.

/** Where the broker is and who asks, as `castellan ctl` has it. */
export const connectionHelp = `Where the broker is, instead of URL
  -h, --host HOST          localhost unless given
  -p, --port PORT          1883, with TLS 8883
  -L, --url URL            mqtt://[user[:password]@]host[:port], mqtts://… for TLS
      --unix PATH          a unix socket
  -A ADDRESS               the address of this machine to connect from

Who asks
  -u, --username NAME      without a password it is asked for
  -P, --pw PASSWORD        other users of this machine can see it here
      --password-file FILE, --password-env NAME    where they cannot
  -i, --id ID              client id; made up unless given
  -V, --protocol-version VERSION    31, 311 or 5, which is what is spoken unless given

TLS
      --cafile FILE, --capath DIRECTORY, --tls-use-os-certs    whom to trust
      --cert FILE, --key FILE                                  a certificate of one's own
      --psk HEX, --psk-identity NAME                           a shared key instead of certificates (TLS 1.2)
      --tls-version tlsv1.2|tlsv1.3, --ciphers LIST, --tls-alpn PROTOCOL
      --insecure           do not compare the name in the broker's certificate`

export const tapHelp = `Usage: castellan tap [URL] [-t FILTER]... [OPTIONS]

Shows what comes through a broker as a tree of topics: messages, rate, size, whether it is retained (R), and the last value; into a
pipe or a file a line for each message: topic, r or -, bytes and value, with tabs between. What could steer a terminal is escaped.

  -t, --topic FILTER       what to subscribe to; may be repeated; # unless given
  -q, --qos QOS            0, 1, 2; 0 unless given
  -C, --count NUMBER       ends after so many messages
      --plain              lines, on a terminal too

Keys: up and down, left folds, right opens, space does either; / filters topics, Esc takes the filter away; p pauses; q quits.

${connectionHelp}

Exit codes: 0 ended, 1 failed, 2 wrong usage, 4 not let in, 6 the broker cannot be reached, or is gone.

Examples:
  castellan tap
  castellan tap mqtts://broker.example.org -u admin -t 'sensors/#'
  castellan tap -t 'devices/+/door' | grep open
`
