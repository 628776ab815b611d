// The X.509 library, loaded only where something asks for it: it costs a tenth of a second at the start.

import type * as x509 from '@peculiar/x509'
import { assert } from '../base/errors.ts'

type Library = typeof x509

let loaded: Library | undefined

/** Loads it once, for all that is synchronous afterwards. */
export async function loadX509Library(): Promise<Library> {
  if (loaded !== undefined) return loaded
  // Must come first: the library finds its classes through it.
  await import('reflect-metadata')
  loaded = await import('@peculiar/x509')
  return loaded
}

/** @throws AssertionError before `loadX509Library` is done */
export function x509Library(): Library {
  assert(loaded !== undefined, 'the X.509 library was loaded before it is needed')
  return loaded
}
