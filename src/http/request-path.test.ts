import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathSegments } from './request-path.ts'

test('http_dir: a path is its decoded parts, and a query is none', () => {
  assert.deepEqual(pathSegments('/api/v1/version?x=/../y'), ['api', 'v1', 'version'])
  assert.deepEqual(pathSegments('/'), [''])
  assert.deepEqual(pathSegments('/docs/'), ['docs', ''])
  assert.deepEqual(pathSegments('/a%20b/caf%C3%A9.html'), ['a b', 'café.html'])
})

for (const url of [
  '',
  '*',
  'http://broker/x',
  '//etc/passwd',
  '/a//b',
  '/../etc/passwd',
  '/a/../../b',
  '/%2e%2e/b',
  '/a%2fb',
  '/..%5cb',
  '/.git/config',
  '/a/.htpasswd',
  '/.',
  '/a%00.html',
  '/a%0ab',
  '/%ff',
  '/%zz',
  '/a/+',
  '/%23',
  `/${'a/'.repeat(40)}`,
]) {
  test(`http_dir: ${url.slice(0, 30)} is no path`, () => assert.equal(pathSegments(url), undefined))
}
