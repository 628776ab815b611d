// Reads the repository as text: its files, what they import, and their code without comments. TypeScript 7 offers no
// compiler API, and formatted code needs none.

import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const repository = join(import.meta.dirname, '../..')

/** Reads a file by its path in the repository. */
export function read(path: string): string {
  return readFileSync(join(repository, path), 'utf8')
}

/** Paths of the program's own files, tests beside them left out. */
export function sourceFiles(): string[] {
  return globSync('src/**/*.ts', { cwd: repository })
    .filter(path => !path.endsWith('.test.ts'))
    .sort()
}

/** Paths of all files that git tracks or would add. */
export function repositoryFiles(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: repository })
  return String(list)
    .split('\n')
    .filter(path => path !== '' && globSync(path, { cwd: repository }).length > 0)
}

export interface Import {
  /** As written: `node:fs`, `../base/errors.ts`. */
  readonly specifier: string
  /** Nothing of it is left when the program runs. */
  readonly typeOnly: boolean
}

const staticImport = /^(?:import|export)\s+(type\s)?(?:(\*(?: as \w+)?|[\w$]+|\{[^}]*\})\s*from\s*)?'([^']+)'/gm
const dynamicImport = /\bimport\(\s*'([^']+)'/g

/** The imports and re-exports of formatted code, static and dynamic. */
export function importsOf(code: string): Import[] {
  const found: Import[] = []
  for (const [, type, names = '', specifier = ''] of code.matchAll(staticImport)) {
    found.push({ specifier, typeOnly: type !== undefined || namesAreTypes(names) })
  }
  for (const [, specifier = ''] of code.matchAll(dynamicImport)) found.push({ specifier, typeOnly: false })
  return found
}

function namesAreTypes(names: string): boolean {
  const list = /^\{(.*)\}$/s.exec(names)?.[1]?.split(',') ?? []
  return list.some(name => name.trim() !== '') && list.every(name => /^\s*(type\s|$)/.test(name))
}

/** Formatted code with its comments emptied, line by line. */
export function withoutComments(code: string): string {
  return code.replace(/^\s*(\/\/|\/?\*).*$/gm, '').replace(/\s\/\/ .*$/gm, '')
}
