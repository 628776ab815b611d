// Statements that no test can show, each with the reason. Whoever makes one testable takes it out of here.

/** Ids as tests write them: without a prefix for MQTT 5.0, with `v3.1.1 ` for 3.1.1. */
export const untestable: Readonly<Record<string, string>> = {
  'v3.1.1 MQTT-3.8.3-2': 'Binds servers without wildcard subscriptions only; this one has them.',
  'v3.1.1 MQTT-4.8.0-2':
    'Processing a packet waits for nothing that could fail for a while: no transient error can be brought about from outside.',
}
