// Looks at a data file before the engine maps it: what is not one, or is of another version, is refused with words, and one
// that is shorter than it says is not mapped, since to touch what is missing of a mapped file ends the process.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { escapeText } from '../../base/escape.ts'
import { StoreError } from '../store-error.ts'

/** In the directory of a store. */
export const dataFileName = 'data.mdb'

const pageHeaderBytes = 24
const magic = 0xbeef_c0de
const dataVersion = 2
/** Page sizes that the engine can have written. */
const pageSizes = [4096, 8192, 16_384, 32_768, 65_536]
/** Where the fields of a meta page are, after the page's header. */
const field = { magic: 0, version: 4, pageSize: 24, freeRoot: 64, mainRoot: 112, transaction: 128 }
const metaBytes = 144

interface Meta {
  readonly pageSize: number
  readonly roots: readonly [bigint, bigint]
  readonly transaction: bigint
}

/**
 * @param path a data file; one that is missing or empty is about to be made, and right
 * @throws {StoreError} `ERR_STORE_FORMAT`, `ERR_STORE_UNREADABLE`
 */
export function inspectDataFile(path: string): void {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return
    throw new StoreError('ERR_STORE_UNREADABLE', `cannot read the store: ${message}`, { cause, errno: code })
  }
  try {
    const { size } = fstatSync(descriptor)
    if (size > 0) inspect(path, descriptor, size)
  } finally {
    closeSync(descriptor)
  }
}

function inspect(path: string, descriptor: number, size: number): void {
  const first = readMeta(path, descriptor, 0)
  const second = first && readMeta(path, descriptor, first.pageSize)
  // The engine takes the newer of two without a look at whether it is one: with either torn it ends the process.
  if (first === undefined || second?.pageSize !== first.pageSize) {
    throw unreadable(path, 'it does not begin with the two pages that the store writes: it is torn, or another file')
  }
  const { roots, pageSize } = second.transaction > first.transaction ? second : first
  const lastRoot = roots.reduce((highest, root) => (root !== noPage && root > highest ? root : highest), 1n)
  const pages = BigInt(Math.floor(size / pageSize))
  if (lastRoot >= pages) throw unreadable(path, `it ends at page ${pages}, and needs page ${lastRoot}`)
}

/** The root of an empty tree. */
const noPage = 0xffff_ffff_ffff_ffffn

function readMeta(path: string, descriptor: number, offset: number): Meta | undefined {
  const bytes = Buffer.alloc(pageHeaderBytes + metaBytes)
  if (readSync(descriptor, bytes, 0, bytes.length, offset) < bytes.length) return undefined
  const meta = bytes.subarray(pageHeaderBytes)
  if (meta.readUInt32LE(field.magic) !== magic) return undefined
  const version = meta.readUInt32LE(field.version) & 0xffff
  if (version !== dataVersion) {
    const text = `the data file '${escapeText(path, 4096)}' is of version ${version}, expected ${dataVersion}`
    throw new StoreError('ERR_STORE_FORMAT', `${text}; export it with the program that wrote it, and import that here`)
  }
  const pageSize = meta.readUInt32LE(field.pageSize)
  if (!pageSizes.includes(pageSize)) return undefined
  return {
    pageSize,
    roots: [meta.readBigUInt64LE(field.freeRoot), meta.readBigUInt64LE(field.mainRoot)],
    transaction: meta.readBigUInt64LE(field.transaction),
  }
}

/** A store that cannot be opened, with what to do about it. */
export function unreadable(path: string, why: string, cause?: unknown): StoreError {
  const text = `the store's data file '${escapeText(path, 4096)}' cannot be used: ${why}`
  const advice = 'put a backup in the place of its directory, or move the directory away to begin with an empty store'
  return new StoreError('ERR_STORE_UNREADABLE', `${text}; ${advice}`, { cause })
}
