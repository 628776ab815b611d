// The ways in which a client's certificate stops counting while the client is connected, for tests and for the benchmark that
// measures them: each with the lines of a listener, and what revokes. Of a list that somebody copies there are tests enough.

import { X509Certificate } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initDirectory } from '../../src/pki/ca-directory.ts'
import { CertificateEngine } from '../../src/pki/engine.ts'
import { findCertificate } from '../../src/pki/find-certificate.ts'
import { openPublicListener, type PublicListener } from '../../src/pki/public-listener.ts'
import { type PublicAnswer, type PublicRequest, PublicService } from '../../src/pki/public-service.ts'
import { Authority, type CertificateFiles } from './authority.ts'

export const revocationWays = ['authority', 'ocsp', 'trust'] as const

export interface RevocationWay {
  /** Of the listener; all paths are absolute. */
  readonly lines: readonly string[]
  /** Why a newcomer with the certificate is refused. */
  readonly refusal: RegExp
  issue(name: string): Promise<CertificateFiles>
  /** A client that is to be revoked; the broker may need a moment until it lets it in. */
  issueVictim(name: string): Promise<CertificateFiles>
  /** @returns asked when the client is gone: when it was said to the broker, as `performance.now()` */
  revoke(files: CertificateFiles): Promise<() => number>
}

/** Brokers and clients of an authority of ours, and one of openssl's. */
export class RevocationHouse {
  /** What clients trust. */
  readonly rootTrust: string
  readonly #dir: string
  readonly #engine: CertificateEngine
  readonly #service: WatchedService
  readonly #listener: PublicListener
  readonly #guests: Authority

  private constructor(
    dir: string,
    engine: CertificateEngine,
    service: WatchedService,
    listener: PublicListener,
    guests: Authority,
  ) {
    this.#dir = dir
    this.#engine = engine
    this.#service = service
    this.#listener = listener
    this.#guests = guests
    this.rootTrust = engine.files.rootTrust
  }

  static async create(): Promise<RevocationHouse> {
    const dir = mkdtempSync(join(tmpdir(), 'castellan-ways-'))
    const now = Date.now()
    const ca = join(dir, 'ca')
    const passphrase = 'correct horse battery'
    const keys = { keyType: 'ec-p256', passphrase, rootPassphrase: passphrase } as const
    await initDirectory(ca, { name: 'Fleet', url: 'http://127.0.0.1/pki', now, ...keys })
    const engine = new CertificateEngine(ca, async () => passphrase)
    await engine.resignCrls(now)
    await engine.renewOcspSigners(now)
    // Looks at the directory as another process does: it has no passphrase.
    const service = new WatchedService(new CertificateEngine(ca))
    const listener = await openPublicListener({ port: 0, host: '127.0.0.1' }, service, Date.now)
    return new RevocationHouse(dir, engine, service, listener, await Authority.create('/CN=Guests'))
  }

  async way(name: (typeof revocationWays)[number]): Promise<RevocationWay> {
    const server = await this.#issue('server', 'localhost')
    const lines = [
      `certfile ${server.cert}`,
      `keyfile ${server.key}`,
      'require_certificate true',
      'use_identity_as_username true',
    ]
    switch (name) {
      case 'authority':
        return this.#byAuthority(lines)
      case 'ocsp':
        return this.#byOcsp(lines)
      case 'trust':
        return this.#byTrust(lines)
    }
  }

  close(): void {
    this.#listener.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  #byAuthority(lines: readonly string[]): RevocationWay {
    const { deviceTrust, allCrls } = this.#engine.files
    return {
      lines: [...lines, `cafile ${deviceTrust}`, `crlfile ${allCrls}`],
      refusal: /refused: certificate was revoked \(key compromise\)/,
      issue: name => this.#issue('device', name),
      issueVictim: name => this.#issue('device', name),
      revoke: async files => {
        const begun = performance.now()
        await this.#revoke(files)
        return () => begun
      },
    }
  }

  #byOcsp(lines: readonly string[]): RevocationWay {
    const { deviceTrust } = this.#engine.files
    const responder = `http://127.0.0.1:${this.#listener.port}/pki/ocsp`
    return {
      lines: [...lines, `cafile ${deviceTrust}`, 'ocsp hard', `ocsp_responder ${responder}`, 'ocsp_max_age 1'],
      refusal: /certificate was revoked \(key compromise, by OCSP\)/,
      issue: name => this.#issue('device', name),
      issueVictim: name => this.#issue('device', name),
      revoke: async files => {
        const answered = this.#service.watch(serialOf(files))
        await this.#revoke(files)
        return answered
      },
    }
  }

  #byTrust(lines: readonly string[]): RevocationWay {
    const trusted = join(this.#dir, 'trusted')
    const guests = join(trusted, 'guests.crt')
    mkdirSync(trusted, { recursive: true })
    copyFileSync(this.#engine.files.deviceTrust, join(trusted, 'devices.pem'))
    copyFileSync(this.#guests.ca.cert, guests)
    return {
      lines: [...lines, `capath ${trusted}`],
      refusal: /refused: issued by an unknown authority/,
      issue: name => this.#issue('device', name),
      issueVictim: name => {
        if (!existsSync(guests)) copyFileSync(this.#guests.ca.cert, guests)
        return this.#guests.issueClient(name)
      },
      revoke: async () => {
        const begun = performance.now()
        rmSync(guests)
        return () => begun
      },
    }
  }

  async #issue(profile: 'device' | 'server', name: string): Promise<CertificateFiles> {
    const options = { now: Date.now(), by: 'test' }
    const issued = await this.#engine.issue(profile, { name }, { kind: 'generate' }, options)
    const files = { cert: join(this.#dir, `${name}.crt`), key: join(this.#dir, `${name}.key`) }
    writeFileSync(files.cert, issued.certificate + issued.chain)
    writeFileSync(files.key, issued.privateKey ?? '')
    return files
  }

  async #revoke(files: CertificateFiles): Promise<void> {
    const now = Date.now()
    const record = findCertificate(this.#engine.inventory, serialOf(files).toLowerCase(), now)
    await this.#engine.revoke([record], 'keyCompromise', now)
  }
}

/** Remembers when it spoke of a certificate last. */
class WatchedService extends PublicService {
  #serial = Buffer.alloc(0)
  #spokenAt = Number.NaN

  watch(serial: string): () => number {
    this.#serial = Buffer.from(serial, 'hex')
    return () => this.#spokenAt
  }

  override async answer(request: PublicRequest, now: number): Promise<PublicAnswer> {
    const answer = await super.answer(request, now)
    if (Buffer.from(request.body).includes(this.#serial)) this.#spokenAt = performance.now()
    return answer
  }
}

function serialOf({ cert }: CertificateFiles): string {
  return new X509Certificate(readFileSync(cert)).serialNumber
}
