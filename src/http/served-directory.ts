// `http_dir`: the files below one directory, and nothing else. Whatever a path says, the file that is opened lies in the
// directory by its real name, is a plain file, and none of its names is hidden.

import { constants, realpathSync, statSync } from 'node:fs'
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { AppError } from '../base/errors.ts'
import { escapeText } from '../base/escape.ts'

/** Larger files are not served. */
export const largestFileBytes = 64 * 1024 * 1024

/** What a directory stands for. */
export const indexName = 'index.html'

export interface ServedFile {
  /** The caller's to close. */
  readonly handle: FileHandle
  readonly size: number
  /** Media type, with its character set. */
  readonly type: string
}

/** `http_dir` is no directory that can be read. */
export class HttpDirectoryError extends AppError {
  constructor(path: string, cause: unknown) {
    super('ERR_HTTP_DIRECTORY', `Error: Unable to use http_dir "${escapeText(path, 4096)}": it is no directory.`, {
      cause,
    })
  }
}

export class ServedDirectory {
  readonly #root: string

  /** @throws HttpDirectoryError */
  constructor(path: string) {
    try {
      this.#root = realpathSync(path)
    } catch (cause) {
      throw new HttpDirectoryError(path, cause)
    }
    if (!statSync(this.#root).isDirectory()) throw new HttpDirectoryError(path, undefined)
  }

  /**
   * @param segments of a path, as `pathSegments` returns them; a directory stands for its `index.html`
   * @returns undefined for what is not there, or not served
   */
  async open(segments: readonly string[]): Promise<ServedFile | undefined> {
    const names = segments.at(-1) === '' ? [...segments.slice(0, -1), indexName] : segments
    const path = await this.#realPath(join(this.#root, ...names))
    if (path === undefined) return undefined
    const handle = await openPlainly(path)
    if (handle === undefined) return undefined
    const entry = await handle.stat()
    if (entry.isFile() && entry.size <= largestFileBytes) return { handle, size: entry.size, type: typeOf(path) }
    await handle.close()
    return undefined
  }

  /** @returns undefined for what lies elsewhere, by a symbolic link, or is hidden */
  async #realPath(path: string): Promise<string | undefined> {
    const real = await realpath(path).catch(() => undefined)
    if (real === undefined) return undefined
    const names = relative(this.#root, real).split(sep)
    return names.some(name => name.startsWith('.')) ? undefined : real
  }
}

/** Without following what has become a link meanwhile, and without waiting for the other end of a pipe. */
function openPlainly(path: string): Promise<FileHandle | undefined> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined)
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.htm': 'text/html; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.xml': 'application/xml',
}

function typeOf(path: string): string {
  return types[extname(path).toLowerCase()] ?? 'application/octet-stream'
}
