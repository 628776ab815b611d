import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { Authority } from '../../test/support/authority.ts'
import { entryBytes, listBytes } from '../../test/support/list-bytes.ts'
import { type Log, silentLog } from '../base/log.ts'
import { maxFetches, RevocationDownloads } from './revocation-downloads.ts'

const mebibyte = 1_048_576
const { ca } = await Authority.create()

/** A server whose answers the test gives: `waiting` are those that were asked for, in order. */
async function listen(t: TestContext) {
  const waiting: { readonly path: string; readonly response: ServerResponse }[] = []
  let heard: (() => void) | undefined
  const server = createServer(({ url = '' }, response) => {
    waiting.push({ path: url, response })
    heard?.()
  })
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const asked = async (count: number) => {
    while (waiting.length < count) await new Promise<void>(resolve => (heard = resolve))
  }
  return { waiting, asked, url: (path: string, host = '127.0.0.1') => `http://${host}:${port}${path}` }
}

function recording(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = []
  return { lines, log: { ...silentLog, write: (_, line) => void lines.push(line) } }
}

test('crl_fetch_max_bytes: a list for which there is no room is not taken, and named; a smaller one of another host is', async t => {
  const server = await listen(t)
  const { log, lines } = recording()
  const downloads = new RevocationDownloads(log, mebibyte)
  const large = downloads.want(server.url('/large'))
  await server.asked(1)
  server.waiting[0]?.response.end(Buffer.alloc(mebibyte / 2 + 1))
  await large
  assert.match(lines.join('\n'), /\/large: there is no room for the answer\./)
  const small = downloads.want(server.url('/small', '127.0.0.2'))
  await server.asked(2)
  server.waiting[1]?.response.end(listBytes(ca, { entries: entryBytes('01') }))
  await small
  assert.equal(downloads.lists([server.url('/small', '127.0.0.2')]).length, 1)
  assert.equal(downloads.lists([server.url('/large')]).length, 0)
})

test('crl_fetch_max_bytes: what failed leaves its room to the next', async t => {
  const server = await listen(t)
  const downloads = new RevocationDownloads(silentLog, mebibyte)
  for (let n = 0; n < 5; n++) {
    const fetched = downloads.want(server.url(`/${n}`))
    await server.asked(n + 1)
    server.waiting[n]?.response.end(Buffer.alloc(mebibyte / 3))
    await fetched
  }
  const fetched = downloads.want(server.url('/list'))
  await server.asked(6)
  server.waiting[5]?.response.end(listBytes(ca, { entries: entryBytes('01') }))
  await fetched
  assert.equal(downloads.lists([server.url('/list')]).length, 1)
})

test('crl_fetch: some lists are fetched at once, and the only one of a host is not behind all of another one', async t => {
  const server = await listen(t)
  const downloads = new RevocationDownloads(silentLog, mebibyte)
  const count = maxFetches + 5
  const wanted = Array.from({ length: count }, (_, n) => downloads.want(server.url(`/${n}`)))
  wanted.push(downloads.want(server.url('/other', '127.0.0.2')))
  await server.asked(maxFetches)
  assert.equal(server.waiting.length, maxFetches)
  for (let n = 0; n <= count; n++) {
    await server.asked(n + 1)
    server.waiting[n]?.response.writeHead(404).end()
  }
  await Promise.all(wanted)
  const place = server.waiting.findIndex(({ path }) => path === '/other')
  assert.ok(place < maxFetches + 4, `it was the ${place + 1}th`)
})
