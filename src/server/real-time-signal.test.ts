import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { startProgram } from '../../test/support/line-process.ts'

test('conf §1: SIGRTMIN is told each time, and ends nothing', async t => {
  const script = `
    import { onRealTimeSignal } from ${JSON.stringify(new URL('./real-time-signal.ts', import.meta.url).href)}
    console.log('caught', onRealTimeSignal(() => console.log('told')))
    process.stdin.resume()`
  const program = startProgram(t, process.execPath, ['--input-type=module', '-e', script])
  await program.waitForLine(/^caught true$/)
  for (const count of [1, 2]) {
    const from = program.lines.length
    const sender = startProgram(t, 'bash', ['-c', `kill -RTMIN ${program.child.pid}`])
    assert.equal((await sender.exit()).code, 0)
    await program.waitForLine(/^told$/, from)
    assert.equal(program.stdout.filter(line => line === 'told').length, count)
  }
  program.write('', true)
  program.child.kill('SIGTERM')
  await once(program.child, 'close')
  assert.deepEqual(program.stderr, [])
})
