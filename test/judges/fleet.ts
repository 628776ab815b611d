// An authority of ours at work, for other people's programs to judge: its certificates as files, and its lists and OCSP answers
// over HTTP.

import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { initDirectory } from '../../src/pki/ca-directory.ts'
import { CertificateEngine, type IssuedCertificate } from '../../src/pki/engine.ts'
import { openPublicListener } from '../../src/pki/public-listener.ts'
import { PublicService } from '../../src/pki/public-service.ts'
import type { CertificateFiles } from '../support/authority.ts'

/** What a program left behind: its verdict is its exit code, or stands in what it has printed. */
export interface Outcome {
  readonly code: number
  readonly output: string
}

/** Runs a program of others to its end. */
export async function judge(program: string, args: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args)
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as {
      readonly code: unknown
      readonly stdout: string
      readonly stderr: string
    }
    if (typeof code !== 'number') throw error
    return { code, output: stdout + stderr }
  }
}

/** A leaf with its files; the chain is the leaf and the authorities below the root. */
export interface FleetCertificate extends CertificateFiles {
  readonly chain: string
  readonly issued: IssuedCertificate
}

export interface Fleet {
  readonly engine: CertificateEngine
  readonly good: FleetCertificate
  readonly revoked: FleetCertificate
  /** On hold. */
  readonly held: FleetCertificate
  readonly server: FleetCertificate
  /** Signed with the key of the authority for devices by somebody else: it is in no journal. */
  readonly forged: CertificateFiles
  /** Of the responder. */
  readonly ocsp: string
  /** Writes a file into the fleet's directory. */
  file(name: string, content: string | Uint8Array): string
  close(): void
}

export async function createFleet(): Promise<Fleet> {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-fleet-'))
  const now = Date.now()
  const passphrase = 'correct horse battery'
  const ca = join(dir, 'ca')
  const keys = { keyType: 'ec-p256', passphrase, rootPassphrase: passphrase } as const
  await initDirectory(ca, { name: 'Fleet', url: 'http://127.0.0.1/pki', now, ...keys })
  const engine = new CertificateEngine(ca, async () => passphrase)
  await engine.renewOcspSigners(now)
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(dir, name), content, { mode: 0o600 })
    return join(dir, name)
  }
  const issue = async (profile: 'device' | 'server', name: string): Promise<FleetCertificate> => {
    const issued = await engine.issue(profile, { name }, { kind: 'generate' }, { now, by: 'test' })
    return {
      issued,
      cert: file(`${name}.crt`, issued.certificate),
      key: file(`${name}.key`, issued.privateKey ?? ''),
      chain: file(`${name}.chain`, issued.certificate + issued.chain),
    }
  }
  const [good, revoked] = [await issue('device', 'good'), await issue('device', 'revoked')]
  const held = await issue('device', 'held')
  const server = await issue('server', 'localhost')
  await engine.revoke([revoked.issued.record], 'keyCompromise', now)
  await engine.revoke([held.issued.record], 'certificateHold', now)
  await engine.resignCrls(now, true)
  // Looks at the directory as another process does: it has no passphrase.
  const service = new PublicService(new CertificateEngine(ca))
  const listener = await openPublicListener({ port: 0, host: '127.0.0.1' }, service, Date.now)
  return {
    engine,
    good,
    revoked,
    held,
    server,
    forged: forge(engine, file, passphrase),
    ocsp: `http://127.0.0.1:${listener.port}/pki/ocsp`,
    file,
    close() {
      listener.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** With openssl, by somebody who has the key and the passphrase. */
function forge(engine: CertificateEngine, file: Fleet['file'], passphrase: string): CertificateFiles {
  const [key, request, cert] = ['forged.key', 'forged.csr', 'forged.crt'].map(name => file(name, ''))
  const purpose = file('forged.ext', 'extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\n')
  const stolen = ['-CAkey', engine.files.privateKey('device'), '-passin', `file:${file('passphrase', passphrase)}`]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key!]
  const signer = ['-CA', engine.files.certificate('device'), ...stolen, '-set_serial', '0x4a4b4c4d']
  const out = ['-days', '30', '-extfile', purpose, '-out', cert!]
  openssl('req', '-new', ...newKey, '-subj', '/CN=good', '-out', request!)
  openssl('x509', '-req', '-in', request!, ...signer, ...out)
  return { cert: cert!, key: key! }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' })
}
