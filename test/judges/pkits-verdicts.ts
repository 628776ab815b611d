// Who of the verifiers accepts the chain of a case: `openssl verify`, and a listener of ours that a TLS client knocks at with the
// case's own key.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { ListenerError } from '../../src/net/errors.ts'
import { throwawayPki } from '../support/authority.ts'
import { startListener, type TestListener } from '../support/net-listener.ts'
import { leafKey, type PkitsCase, trustAnchor } from './pkits-cases.ts'
import type { Verdict } from './pkits-differences.ts'

export interface Judgement {
  readonly verdict: Verdict
  /** In the verifier's own words; empty for who accepts. */
  readonly reason: string
}

const anyPolicy = '2.5.29.32.0'

const accepts: Judgement = { verdict: 'accepts', reason: '' }
const refuses = (reason: string): Judgement => ({ verdict: 'refuses', reason })

/** The files of one case, in a directory of its own that the test's end removes. */
export interface CaseFiles {
  readonly anchor: string
  readonly leaf: string
  readonly authorities: string
  readonly lists: string
}

export function writeCase(t: TestContext, { leaf, authorities, lists }: PkitsCase): CaseFiles {
  const dir = mkdtempSync(join(tmpdir(), 'castellan-pkits-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  return {
    anchor: write('anchor.pem', trustAnchor),
    leaf: write('leaf.pem', leaf),
    authorities: write('authorities.pem', authorities),
    lists: write('lists.pem', lists),
  }
}

/** `openssl verify` with everything that it can check. */
export async function opensslVerdict({ anchor, leaf, authorities, lists }: CaseFiles): Promise<Judgement> {
  const checks = [
    '-x509_strict',
    '-crl_check_all',
    '-extended_crl',
    '-use_deltas',
    '-policy_check',
    '-policy',
    anyPolicy,
  ]
  // Of an empty file openssl complains.
  const untrusted = readFileSync(authorities, 'latin1') === '' ? [] : ['-untrusted', authorities]
  const files = ['-CAfile', anchor, ...untrusted, '-CRLfile', lists, leaf]
  try {
    await promisify(execFile)('openssl', ['verify', '-purpose', 'sslclient', ...checks, ...files])
    return accepts
  } catch (error) {
    const { stderr } = error as { readonly stderr: string }
    return refuses(/^error \d+ at \d+ depth lookup: (.*)$/m.exec(stderr)?.[1] ?? stderr)
  }
}

/** Our listener with the anchor as `cafile` and the lists as `crlfile`. */
export async function castellanVerdict(t: TestContext, one: PkitsCase, files: CaseFiles): Promise<Judgement> {
  const { server, authority } = await throwawayPki()
  const settings = {
    certfile: server.cert,
    keyfile: server.key,
    cafile: files.anchor,
    crlfile: files.lists,
    require_certificate: true,
  }
  let listener: TestListener
  try {
    listener = await startListener(t, settings)
  } catch (error) {
    if (!(error instanceof ListenerError)) throw error
    return refuses(`crlfile: ${error.hint}`)
  }
  const client = connect({
    port: listener.listener.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: readFileSync(authority.ca.cert),
    // Keys of 1024 bits are among them; what the listener says is the question.
    ciphers: 'DEFAULT:@SECLEVEL=0',
    key: await leafKey(one),
    cert: one.leaf + one.authorities,
  })
  client.on('error', () => {})
  t.after(() => client.destroy())
  return Promise.race([listener.waitForAccepted().then(() => accepts), refusal(listener)])
}

async function refusal(listener: TestListener): Promise<Judgement> {
  const line = await listener.waitForLine(/ (?:refused|closed): /)
  return refuses(/ (?:refused|closed): (.*?)(?: \(subject .*)?\.$/.exec(line)?.[1] ?? line)
}
