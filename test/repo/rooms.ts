// The rooms of `src/` and what each may import; docs/architecture.md tells the same to people, and a test compares them. A
// new room adds a row here and there.

export interface Room {
  /** Rooms that it may import. */
  readonly imports: readonly string[]
  /** Rooms whose types alone it may import: the proof it demands, the interface it implements. */
  readonly types?: readonly string[]
  /** Rooms that only some of its files may import: their paths within it. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** npm packages that it may import. */
  readonly packages?: readonly string[]
  /** Protocol rules: no socket, file, timer, clock or chance in them; time and bytes are handed in. */
  readonly pure?: true
}

const lowest = ['base'] as const

export const rooms: Readonly<Record<string, Room>> = {
  base: { imports: [] },
  mqtt: { imports: lowest, pure: true },
  topic: { imports: lowest, pure: true },
  x509: { imports: lowest, packages: ['@peculiar/x509', 'pkijs', 'reflect-metadata'] },
  config: { imports: lowest },
  observe: { imports: [...lowest, 'config'] },
  audit: { imports: [...lowest, 'config'] },
  http: { imports: [...lowest, 'config', 'observe'] },
  store: { imports: lowest, packages: ['lmdb'] },
  net: { imports: [...lowest, 'config', 'observe', 'mqtt', 'x509'], packages: ['ws'] },
  session: { imports: [...lowest, 'mqtt', 'topic'], types: ['auth'], pure: true },
  auth: { imports: [...lowest, 'config', 'observe', 'topic', 'x509'], packages: ['jose', 'ldapts'] },
  dynsec: { imports: [...lowest, 'topic', 'auth'], types: ['audit'] },
  control: { imports: [...lowest, 'dynsec'], types: ['audit'] },
  pki: { imports: [...lowest, 'x509'], packages: ['@peculiar/x509', 'asn1js', 'pkijs', 'reflect-metadata'] },
  broker: {
    imports: [...lowest, 'mqtt', 'topic', 'session', 'auth', 'config', 'observe'],
    types: ['audit', 'net', 'store'],
    pure: true,
  },
  bridge: { imports: [...lowest, 'config', 'mqtt', 'topic', 'x509', 'session', 'net'] },
  server: {
    imports: [
      ...lowest,
      'mqtt',
      'topic',
      'x509',
      'config',
      'audit',
      'observe',
      'http',
      'net',
      'session',
      'auth',
      'dynsec',
      'control',
      'pki',
      'store',
      'broker',
      'bridge',
    ],
  },
  library: {
    imports: [...lowest, 'mqtt', 'topic', 'config', 'observe', 'net', 'session', 'auth', 'broker', 'server'],
    types: ['audit'],
  },
  client: { imports: [...lowest, 'mqtt'], packages: ['ws'] },
  doctor: { imports: [...lowest, 'config', 'mqtt', 'topic', 'x509', 'auth', 'dynsec', 'client'] },
  cli: {
    imports: [...lowest, 'topic', 'audit', 'config', 'auth', 'dynsec', 'client', 'doctor', 'pki', 'store'],
    types: ['mqtt'],
    only: { server: ['ca/serve.ts', 'run.ts', 'store.ts', 'acl/sources.ts', 'doctor/doctor.ts'] },
  },
}

/** Parts of Node that a pure room may not import. */
export const impureModules: readonly string[] = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'fs',
  'http',
  'https',
  'net',
  'process',
  'timers',
  'tls',
  'worker_threads',
]

/** Globals that a pure room may not use. */
export const impureGlobals =
  /\b(setTimeout|setInterval|setImmediate|queueMicrotask|Date\.now|new Date|Math\.random|performance\.|process\.(env|on|once|exit|nextTick|hrtime|cwd|std\w+)\b|fetch\()/
