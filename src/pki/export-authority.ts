// Writes one authority as the directory that `openssl ca` goes on with, and `castellan ca import` takes back: nobody is held here.

import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { refuseTaken } from './ca-directory.ts'
import type { CertificateEngine } from './engine.ts'
import { PkiKeyError } from './errors.ts'
import { makeDirectory, publicMode, readWhole, secretMode, writeWhole } from './files.ts'
import { databaseRow } from './import/openssl-database.ts'
import { formatPem } from './pem.ts'

export interface ExportRequest {
  /** Of the authority. */
  readonly id: string
  /** The private key, too, encrypted as it is here. */
  readonly withKey: boolean
}

/**
 * The directory appears whole or not at all. A certificate of which an old database alone told is left out: its bytes are unknown.
 *
 * @returns how many certificates are in it
 * @throws PkiNotFoundError, PkiConflictError, PkiKeyError when the key is elsewhere
 */
export function exportAuthority(engine: CertificateEngine, dir: string, request: ExportRequest): Promise<number> {
  return engine.exclusive(async () => {
    refuseTaken(dir)
    const building = `${dir}.new-${randomBytes(6).toString('hex')}`
    try {
      const count = write(engine, building, request)
      renameSync(building, dir)
      return count
    } catch (error) {
      rmSync(building, { recursive: true, force: true })
      throw error
    }
  })
}

function write(engine: CertificateEngine, dir: string, { id, withKey }: ExportRequest): number {
  const { files } = engine
  const issuer = engine.issuer(id)
  for (const folder of [dir, join(dir, 'private'), join(dir, 'newcerts')]) makeDirectory(folder, 0o700)
  writeWhole(join(dir, 'ca.crt'), formatPem('CERTIFICATE', issuer.der), publicMode)
  writeWhole(join(dir, 'chain.pem'), engine.chain(id) + engine.root(id), publicMode)
  const list = files.crl(id).replace(/crl$/, 'pem')
  if (existsSync(list)) writeWhole(join(dir, 'crl.pem'), readWhole(list), publicMode)
  writeWhole(join(dir, 'crlnumber'), `${hexNumber(engine.inventory.lastCrlNumber(id) + 1)}\n`, publicMode)
  writeWhole(join(dir, 'index.txt.attr'), 'unique_subject = no\n', publicMode)
  if (withKey) {
    const key = files.privateKey(id)
    if (!existsSync(key)) throw new PkiKeyError(`the key of authority '${id}' is not in this directory`)
    writeWhole(join(dir, 'private', 'ca.key'), readWhole(key, 1 << 16), secretMode)
  }
  return writeCertificates(engine, dir, id)
}

function writeCertificates({ inventory }: CertificateEngine, dir: string, id: string): number {
  const rows: string[] = []
  for (const { issuer, der, revocation, serial } of inventory.all()) {
    if (issuer !== id || der === undefined) continue
    const bytes = Buffer.from(der, 'base64')
    rows.push(databaseRow(bytes, revocation))
    // Without a sync for each: nobody sees the directory before it is whole.
    const file = join(dir, 'newcerts', `${serial.toUpperCase()}.pem`)
    writeFileSync(file, formatPem('CERTIFICATE', bytes), { mode: publicMode, flag: 'wx' })
  }
  writeWhole(join(dir, 'index.txt'), rows.map(row => `${row}\n`).join(''), publicMode)
  return rows.length
}

/** As `openssl ca` counts: an even number of digits. */
function hexNumber(value: number): string {
  const digits = value.toString(16).toUpperCase()
  return digits.length % 2 === 0 ? digits : `0${digits}`
}
