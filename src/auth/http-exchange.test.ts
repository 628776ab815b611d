import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { HttpExchange } from './http-exchange.ts'

/** A server that does what the test says with each question, numbered from 1. */
async function exchange(t: TestContext, answer: (socket: Socket, question: number) => void, timeoutMs = 60_000) {
  let questions = 0
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {}).on('data', () => answer(socket, ++questions))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return new HttpExchange({ url, ca: undefined, secret: undefined, timeoutMs, connections: 1 })
}

const answered = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'

test('features K6: hook: a kept connection that is closed when it is used again is none that was asked on', async t => {
  let asked = 0
  const hook = await exchange(t, (socket, question) => {
    asked = question
    // The second question comes on the connection of the first.
    if (question === 2) socket.destroy()
    else socket.write(answered)
  })
  assert.deepEqual([await hook.post('1'), await hook.post('2')], ['{}', '{}'])
  assert.equal(asked, 3)
})

test('features K6: hook: a new connection that is closed is not tried again', async t => {
  let asked = 0
  const hook = await exchange(t, (socket, question) => {
    asked = question
    socket.destroy()
  })
  await assert.rejects(hook.post('1'), /hang up|ECONNRESET/)
  assert.equal(asked, 1)
})

test('features K6: hook: an answer that would go on in another protocol is none, and ends at once', async t => {
  for (const headers of ['upgrade: h2c\r\nconnection: upgrade\r\n', 'connection: upgrade\r\n', '']) {
    const hook = await exchange(t, socket => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`))
    await assert.rejects(hook.post('1'), /^Error: the answer is 101$/, headers)
  }
})

test('features K6: hook: news without end before an answer ends in time', async t => {
  const hook = await exchange(
    t,
    socket => {
      const goOn = () => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100), error => error ?? goOn())
      goOn()
    },
    50,
  )
  await assert.rejects(hook.post('1'), /^Error: no answer within 50 ms$/)
})
