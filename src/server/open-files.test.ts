import assert from 'node:assert/strict'
import { openSync, readdirSync } from 'node:fs'
import test from 'node:test'
import { connectionsFor, descriptorsFromStart, growDescriptorTable } from './open-files.ts'

const openNow = () => readdirSync('/proc/self/fd').length

test('some of the files that may be open are kept back from connections; one is let in whatever the limit', () => {
  assert.deepEqual([1024, 65, 10, undefined].map(connectionsFor), [960, 1, 1, Number.POSITIVE_INFINITY])
})

test('the table of descriptors grows to its size, and all that was opened for it is closed', () => {
  const before = openNow()
  let highest = 0
  growDescriptorTable(() => {
    highest = openSync('/dev/null', 'r')
    return highest
  })
  assert.equal(highest, descriptorsFromStart / 2)
  assert.equal(openNow(), before)
})

test('where no more files may be open the table stays as it is, and nothing stays open', () => {
  const before = openNow()
  let left = 3
  growDescriptorTable(() => {
    if (left-- === 0) throw new Error('EMFILE')
    return openSync('/dev/null', 'r')
  })
  assert.equal(left, -1)
  assert.equal(openNow(), before)
})
