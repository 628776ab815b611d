// Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr go through the matrix.

import assert from 'node:assert/strict'
import test from 'node:test'
import { runTool, startTool } from '../support/clients.ts'
import { testMatrix, testMatrixOverTls, unique } from './matrix.ts'
import { shareMatrixBroker } from './matrix-broker.ts'
import { connectArguments, mosquittoClient } from './mosquitto-client.ts'

const broker = shareMatrixBroker()

testMatrix(mosquittoClient, broker)
testMatrixOverTls(mosquittoClient, broker, broker.tlsTarget)

test('interop: mosquitto_rr gets the answer that a mosquitto_sub and a mosquitto_pub give it', async t => {
  const target = { port: broker.process.port, version: 5 } as const
  const topic = unique('request/')
  const responseTopic = unique('response/')
  const service = startTool(t, 'mosquitto_sub', [
    ...connectArguments(target),
    ...['-d', '-t', topic, '-C', '1', '-F', 'REQUEST\t%R\t%D\t%p'],
  ])
  await service.waitForLine(/^Subscribed/)
  const requester = startTool(t, 'mosquitto_rr', [
    ...connectArguments(target),
    ...['-t', topic, '-e', responseTopic, '-m', 'what time is it', '-q', '1'],
    ...['-D', 'publish', 'correlation-data', 'c1', '-F', '%t\t%D\t%p'],
  ])
  const [request] = await service.waitForLine(/^REQUEST\t.*/)
  assert.equal(request, `REQUEST\t${responseTopic}\tc1\twhat time is it`)
  const answer = ['-t', responseTopic, '-m', 'noon', '-D', 'publish', 'correlation-data', 'c1']
  assert.equal((await runTool(t, 'mosquitto_pub', [...connectArguments(target), ...answer])).code, 0)
  assert.equal((await requester.exit()).code, 0)
  assert.deepEqual(requester.stdout, [`${responseTopic}\tc1\tnoon`])
})

test('interop: mosquitto_sub shows the properties as mosquitto_pub gave them, user properties in order', async t => {
  const target = { port: broker.process.port, version: 5 } as const
  const topic = unique('properties/')
  const properties: readonly (readonly string[])[] = [
    ['user-property', 'b', '1'],
    ['user-property', 'a', '2'],
    ['user-property', 'b', '3'],
    ['content-type', 'text/größe'],
    ['payload-format-indicator', '1'],
    ['response-topic', 'answers/here'],
    ['correlation-data', 'c-1'],
    ['message-expiry-interval', '600'],
  ]
  const subscriber = startTool(t, 'mosquitto_sub', [
    ...connectArguments(target),
    ...['-d', '-t', topic, '-C', '1', '-F', 'GOT\t%P\t%C\t%F\t%R\t%D\t%E\t%S\t%p'],
    ...['-D', 'subscribe', 'subscription-identifier', '268435455'],
  ])
  await subscriber.waitForLine(/^Subscribed/)
  const given = properties.flatMap(property => ['-D', 'publish', ...property])
  const message = [...connectArguments(target), '-t', topic, '-m', 'with properties', '-q', '1', ...given]
  assert.equal((await runTool(t, 'mosquitto_pub', message)).code, 0)
  const [line] = await subscriber.waitForLine(/^GOT\t.*/)
  const [, user, contentType, format, responseTopic, correlation, expiry, identifier, payload] = line.split('\t')
  assert.equal(user, 'b:1 a:2 b:3')
  assert.deepEqual([contentType, format, responseTopic, correlation], ['text/größe', '1', 'answers/here', 'c-1'])
  assert(expiry === '600' || expiry === '599', `message expiry interval ${expiry}`)
  assert.deepEqual([identifier, payload], ['268435455', 'with properties'])
})
