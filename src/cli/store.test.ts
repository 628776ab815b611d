import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { message, queued, retained, session } from '../../test/contract/store.ts'
import { runCommand } from '../../test/support/command.ts'
import { openInNewDirectory, storeDirectory } from '../../test/support/store-directory.ts'
import { openEnvironment } from '../store/lmdb/environment.ts'
import { store } from './store.ts'

const run = (args: readonly string[], input = '') => runCommand(store, args, input)

async function filledDirectory(t: TestContext): Promise<string> {
  const { store, directory } = await openInNewDirectory(t)
  await store.sessions.apply([session(1), message(1), message(2), queued(1, 1)])
  await store.retained.apply([retained('a')])
  await store.close()
  return directory
}

test('castellan store check: counts of a sound store, and 0', async t => {
  const { code, stdout, stderr } = await run(['check', await filledDirectory(t)])
  assert.equal(stderr, '')
  assert.match(
    stdout,
    /^sessions: 1\nsubscriptions: 0\ninbound: 0\nmessages: 2\nqueue: 1\nretained: 1\ndocuments: 0\nbytes: \d+, free: \d+\n/,
  )
  assert.match(stdout, /\nrows that will be loaded: 5, freed at the next start: 1, wrong: 0\n$/)
  assert.equal(code, 0)
})

test('castellan store check, export: a wrong record is named, the others come out, and the code is 7', async t => {
  const directory = await filledDirectory(t)
  const environment = await openEnvironment(directory, 'sync')
  await environment.messages.put(1, Buffer.from('nonsense'))
  await environment.close()
  const named = /^castellan store: messages 0000000000000001: its checksum does not match its bytes\n/
  for (const action of ['check', 'export']) {
    const { code, stdout, stderr } = await run([action, directory])
    assert.match(stderr, named)
    assert.match(
      stderr,
      /\ncastellan store: queue 0000000000000001: message 1, which it has for session 1, is missing\n$/,
    )
    assert.match(stdout, action === 'check' ? /wrong: 2\n$/ : /\n\{"rows":3\}\n$/)
    assert.equal(code, 7)
  }
})

test('castellan store import: from standard input and from a file, and back', async t => {
  const { stdout: lines } = await run(['export', await filledDirectory(t)])
  const [first, second] = [storeDirectory(t), storeDirectory(t)]
  assert.deepEqual(await run(['import', '-', first], lines), { code: 0, stdout: 'rows imported: 5\n', stderr: '' })
  const file = `${second}.lines`
  writeFileSync(file, (await run(['export', first])).stdout)
  assert.equal((await run(['import', file, second])).code, 0)
  assert.equal((await run(['export', second])).stdout, readFileSync(file, 'utf8'))
  const again = await run(['import', file, second])
  assert.deepEqual(again, {
    code: 5,
    stdout: '',
    stderr: 'castellan store: the store is not empty; import into a new directory\n',
  })
  const missing = await run(['import', `${file}.missing`, storeDirectory(t)])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^castellan store: cannot read '.*missing': no such file or directory\n$/)
})

test('castellan store compact: says what it came to', async t => {
  const { code, stdout } = await run(['compact', await filledDirectory(t)])
  assert.match(stdout, /^bytes before: \d+, after: \d+\n$/)
  assert.equal(code, 0)
})

test('castellan store: a directory without a store is not made into one by a look at it', async t => {
  const directory = storeDirectory(t)
  for (const action of ['check', 'export', 'compact']) {
    const { code, stderr } = await run([action, directory])
    assert.match(stderr, /^castellan store: there is no store in '/)
    assert.equal(code, 1)
  }
})

test('castellan store: wrong usage is answered with the right one, and 2', async () => {
  for (const [args, why] of [
    [[], /an action is missing/],
    [['chekc', 'd'], /unknown action 'chekc'/],
    [['check'], /DIR is missing/],
    [['import', 'f'], /DIR is missing/],
    [['backup', 'd'], /COPY is missing/],
    [['check', 'd', 'e'], /too many arguments/],
    [['import', 'd', 'e', 'f'], /too many arguments/],
  ] as const) {
    const { code, stderr } = await run(args)
    assert.match(stderr, why)
    assert.match(stderr, /\nUsage: castellan store check DIR/)
    assert.equal(code, 2)
  }
  const help = await run(['--help'])
  assert.match(help.stdout, /^Usage: castellan store/)
  assert.equal(help.code, 0)
})
