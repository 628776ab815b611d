// `castellan ca`: makes an authority and looks after it.

import { resolve } from 'node:path'
import { escapeText } from '../../base/escape.ts'
import type { CrlOutcome } from '../../pki/crl-publisher.ts'
import type { CertificateEngine } from '../../pki/engine.ts'
import { type Action, operands, parse, runAction, UsageError } from '../command.ts'
import { exitCode } from '../exit-code.ts'
import { outputFormat, shortTime } from '../output-format.ts'
import { shellQuote } from '../shell-quote.ts'
import type { Io } from '../verbs.ts'
import { caDirectory, caOptions, now, Passphrases, withEngine } from './context.ts'
import { caHelp } from './help.ts'

/** `castellan ca ACTION …`. @returns the exit code */
export function ca(args: readonly string[], io: Io): Promise<number> {
  return runAction('ca', caHelp.page, actions, args, io)
}

const actions: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['init', { help: caHelp.init, run: init }],
  ['show', { help: caHelp.show, run: show }],
  ['list', { help: caHelp.list, run: async (args, io) => (await import('./authorities.ts')).list(args, io) }],
  ['lock', { help: caHelp.lock, run: async (args, io) => (await import('./authorities.ts')).lock(args, io) }],
  ['unlock', { help: caHelp.unlock, run: async (args, io) => (await import('./authorities.ts')).unlock(args, io) }],
  ['rotate', { help: caHelp.rotate, run: async (args, io) => (await import('./authorities.ts')).rotate(args, io) }],
  [
    'sign-issuing',
    { help: caHelp.signIssuing, run: async (args, io) => (await import('./authorities.ts')).signIssuing(args, io) },
  ],
  ['export', { help: caHelp.export, run: async (args, io) => (await import('./authorities.ts')).exportCa(args, io) }],
  ['publish-crl', { help: caHelp.publishCrl, run: publishCrl }],
  ['serve', { help: caHelp.serve, run: async (args, io) => (await import('./serve.ts')).serve(args, io) }],
  ['backup', { help: caHelp.backup, run: async (args, io) => (await import('./backup.ts')).backup(args, io) }],
  ['restore', { help: caHelp.restore, run: async (args, io) => (await import('./backup.ts')).restore(args, io) }],
  ['import', { help: caHelp.import, run: async (args, io) => (await import('./import.ts')).importCa(args, io) }],
])

async function init(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, {
    ...caOptions,
    name: { type: 'string' },
    organization: { type: 'string' },
    url: { type: 'string' },
    domain: { type: 'string' },
    'key-type': { type: 'string' },
    'offline-root': { type: 'string' },
  })
  if (values.ca !== undefined) throw new UsageError('ca init takes the directory without --ca')
  const [given] = operands(positionals, ['DIR'])
  const dir = resolve(given)
  const [{ initDirectory, refuseTaken }, { parseKeyType }] = await Promise.all([
    import('../../pki/ca-directory.ts'),
    import('../../pki/private-key.ts'),
  ])
  // Before anybody types a passphrase for nothing.
  refuseTaken(dir)
  const { organization, url, domain, 'offline-root': offlineRoot } = values
  const passphrases = new Passphrases(values, io)
  try {
    const passphrase = await passphrases.choose('issuing', 'Passphrase for the keys of the issuing authorities')
    const wantsOther = values['root-passphrase-file'] !== undefined
    const rootPassphrase = wantsOther ? await passphrases.choose('root', '') : passphrase
    await initDirectory(dir, {
      name: values.name ?? 'Castellan',
      keyType: parseKeyType(values['key-type'] ?? 'ec-p256'),
      passphrase,
      rootPassphrase,
      now: now(),
      ...(organization === undefined ? {} : { organization }),
      ...(url === undefined ? {} : { url: url.replace(/\/$/, '') }),
      ...(domain === undefined ? {} : { domain: domain.toLowerCase() }),
      ...(offlineRoot === undefined ? {} : { offlineRoot: resolve(offlineRoot) }),
    })
    await firstCrls(dir, passphrase, rootPassphrase, offlineRoot)
  } finally {
    await passphrases.close()
  }
  io.stdout.write(madePage(dir, url))
  return exitCode.ok
}

/** The root's key is still at hand where it was just put; later it needs to be brought. */
async function firstCrls(dir: string, passphrase: string, rootPassphrase: string, offlineRoot?: string): Promise<void> {
  const [{ CertificateEngine }, { readPrivateKey }, { readWhole }, { join }] = await Promise.all([
    import('../../pki/engine.ts'),
    import('../../pki/private-key.ts'),
    import('../../pki/files.ts'),
    import('node:path'),
  ])
  const engine = new CertificateEngine(dir, async what => (what.includes("'root'") ? rootPassphrase : passphrase))
  if (offlineRoot !== undefined) {
    const pem = readWhole(join(offlineRoot, 'root.key')).toString('latin1')
    engine.keys.lend('root', readPrivateKey(pem, rootPassphrase, "the key of authority 'root'"))
  }
  await engine.resignCrls(now())
}

function madePage(dir: string, url: string | undefined): string {
  const [ca, shown] = [shellQuote(dir), escapeText(dir, 4096)]
  const served =
    url === undefined
      ? ''
      : `  lists    ${escapeText(url)}/crl/…: serve them there, with castellan run or any web server\n`
  return `  root     ${shown}/root/ca.crt, ten years
  servers  ${shown}/server/ca.crt, five years
  devices  ${shown}/device/ca.crt, five years
  keys     encrypted; nobody can replace a forgotten passphrase
${served}
For a listener of castellan or mosquitto:
  cafile ${shown}/trust/devices.pem
  crlfile ${shown}/crl/all.pem
Next:
  castellan cert issue broker.example.org --profile server --ca ${ca}
  castellan cert issue device-1 --ca ${ca}
`
}

async function show(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, output: { type: 'string', short: 'o' } })
  const format = outputFormat(values.output, ['table', 'json', 'name'])
  const directory = positionals[0] === undefined ? values : { ...values, ca: positionals[0] }
  operands(positionals.slice(1), [])
  return withEngine(directory, io, async engine => {
    const { description } = engine
    const authorities = description.authorities.map(authority => describe(engine, authority.id))
    const { stateOf } = await import('../../pki/inventory.ts')
    const counts = { valid: 0, expired: 0, revoked: 0, held: 0 }
    for (const record of engine.inventory.all()) if (record.profile !== 'authority') counts[stateOf(record, now())]++
    const dir = caDirectory(directory, io)
    if (format === 'json') {
      const { name, url, domain } = description
      io.stdout.write(
        `${JSON.stringify({ version: 1, dir, name, url, domain, authorities, certificates: counts }, undefined, 2)}\n`,
      )
      return exitCode.ok
    }
    if (format === 'name') {
      io.stdout.write(authorities.map(({ id }) => `${id}\n`).join(''))
      return exitCode.ok
    }
    const lines = authorities.map(
      ({ id, subject, notAfter, fingerprint, crl }) =>
        `${id.padEnd(8)}${escapeText(subject)}\n        until ${notAfter.slice(0, 10)}, list ${crl === null ? 'none' : `#${crl.number} until ${crl.nextUpdate.slice(0, 16).replace('T', ' ')}, ${crl.entries} entries`}\n        SHA-256 ${fingerprint}\n`,
    )
    const { valid, expired, revoked, held } = counts
    io.stdout.write(
      `${lines.join('')}certificates: ${valid} valid, ${held} held, ${revoked} revoked, ${expired} expired\n`,
    )
    return exitCode.ok
  })
}

function describe(engine: CertificateEngine, id: string) {
  const { certificate, notAfter, name } = engine.issuer(id)
  const crl = engine.inventory.lastCrl(id)
  return {
    id,
    subject: name,
    serialNumber: certificate.serialNumber,
    fingerprint: engine.fingerprint(id),
    notAfter: new Date(notAfter).toISOString(),
    crl:
      crl === undefined
        ? null
        : { number: crl.number, nextUpdate: new Date(crl.nextUpdate).toISOString(), entries: crl.entries },
  }
}

async function publishCrl(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parse(args, { ...caOptions, force: { type: 'boolean' } })
  operands(positionals, [])
  return withEngine(values, io, async engine => {
    const outcomes = await engine.resignCrls(now(), values.force === true)
    for (const outcome of outcomes) io.stdout.write(crlLine(outcome))
    const locked = outcomes.filter(({ outcome }) => outcome === 'locked')
    if (locked.length === 0) return exitCode.ok
    return locked.length === outcomes.length ? exitCode.denied : exitCode.partial
  })
}

/** One line about one list. */
export function crlLine({ issuer, outcome, number, nextUpdate, entries, why = '' }: CrlOutcome): string {
  const until = nextUpdate === 0 ? 'none yet' : `#${number}, ${entries} entries, until ${shortTime(nextUpdate)}`
  switch (outcome) {
    case 'signed':
      return `  crl      ${issuer}: ${until}, signed now\n`
    case 'fresh':
      return `  crl      ${issuer}: ${until}\n`
    case 'locked':
      return `  crl      ${issuer}: ${until}; NOT signed: ${why}\n`
  }
}
