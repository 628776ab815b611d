// The page of `castellan doctor`.

export const doctorHelp = `Usage: castellan doctor [FILE | DIRECTORY | mqtt://HOST[:PORT] | mqtts://HOST[:PORT]] [OPTIONS]

Says what is wrong with a mosquitto.conf and all that it names: password and ACL files, keys, certificates, revocation lists, dynamic
security. Each finding has its place, why it matters and what to write instead. Nothing is written, opened for writing, bound or
started. Of a DIRECTORY its mosquitto.conf is read; with no argument /etc/mosquitto/mosquitto.conf.

A URL is a running broker, which is asked what it shows to strangers: versions and certificate of TLS, whether a client without a name
gets in, and whether it may subscribe to # and $SYS/#. One connection at a time, nothing is published. Name only brokers that are yours.

      --min-score N        exit code 7 when the score, 0 to 100, is below N
      --cafile FILE        the authorities that the certificate of a running broker is to come from
  -o table|json|sarif      lines for people; JSON; SARIF 2.1.0 for code hosts and editors
      --json, --sarif      the same as -o json and -o sarif

Rules, weights and grades are in docs/doctor.md and docs/reference/doctor.md. Exit codes: 0 examined, 1 not readable, 2 wrong usage,
3 nothing there, 6 no broker there, 7 below --min-score.

Examples:
  castellan doctor /etc/mosquitto/mosquitto.conf
  castellan doctor /etc/mosquitto --sarif > doctor.sarif
  castellan doctor mqtts://localhost --cafile ca.crt --min-score 80
`
