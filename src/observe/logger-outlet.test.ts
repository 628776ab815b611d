import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { runProgram } from '../../test/support/line-process.ts'
import { findLogger, LoggerOutlet } from './logger-outlet.ts'

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'castellan-logger-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}

/** An outlet on a shell script. `failure` resolves with the next reason that is told. */
function outletOf(t: TestContext, script: string) {
  const clock = fakeClock()
  let tell = (_why: string) => {}
  const told: string[] = []
  const outlet = new LoggerOutlet(['/bin/sh', '-c', script], {
    clock,
    soon: task => void setImmediate(task),
    failed: why => {
      told.push(why)
      tell(why)
    },
  })
  t.after(() => outlet.end(Buffer.alloc(0)))
  const failure = () => new Promise<string>(resolve => (tell = resolve))
  const write = (text: string) =>
    new Promise<'failed' | number>(resolve => outlet.write(Buffer.from(text), (bad, n) => resolve(bad ? 'failed' : n)))
  return { outlet, clock, told, failure, write }
}

/** Waits for what only another process can tell: turns of the event loop, until it is so. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}

test('lines reach the program in order, through one process, to the last before its input is closed', async t => {
  const file = join(temporaryDirectory(t), 'log')
  const { outlet, write, told } = outletOf(t, `cat >> ${file}; echo end >> ${file}`)
  assert.equal(await write('one\n'), 4)
  assert.equal(await write('two\n'), 4)
  assert.equal(outlet.writeNow(Buffer.from('three\n')), 6)
  outlet.end(Buffer.from('four\n'))
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('end\n'))
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\nthree\nfour\nend\n')
  assert.deepEqual(told, [])
})

test('lines that nobody has written when it is closed reach the program all the same', async t => {
  const file = join(temporaryDirectory(t), 'log')
  const { outlet } = outletOf(t, `cat > ${file}.part; mv ${file}.part ${file}`)
  outlet.end(Buffer.from('only\n'))
  await until(() => existsSync(file))
  assert.equal(readFileSync(file, 'utf8'), 'only\n')
})

test('no process is started before there is a line', t => {
  const file = join(temporaryDirectory(t), 'log')
  const { outlet } = outletOf(t, `touch ${file}`)
  outlet.end(Buffer.alloc(0))
  assert(!existsSync(file))
})

test('a program that ends is told with what it said; lines fail for five seconds, then it is started again', async t => {
  const file = join(temporaryDirectory(t), 'log')
  const { clock, write, failure, told } = outletOf(
    t,
    `if test -e ${file}; then cat >> ${file}; else touch ${file}; echo 'no such socket' >&2; exit 1; fi`,
  )
  const reason = failure()
  await write('lost\n')
  assert.equal(await reason, 'no such socket')
  clock.advance(4999)
  assert.equal(await write('refused\n'), 'failed')
  clock.advance(1)
  assert.equal(await write('passed on\n'), 10)
  await until(() => readFileSync(file, 'utf8') === 'passed on\n')
  assert.equal(told.length, 1)
})

test('a program that cannot be started, for want of file descriptors too, is told and harms nobody', async t => {
  const script = `
    import { openSync } from 'node:fs'
    import { LoggerOutlet } from ${JSON.stringify(new URL('./logger-outlet.ts', import.meta.url).href)}
    const deps = { clock: { now: () => 0 }, soon: setImmediate, failed: why => console.log('told', why) }
    const attempt = program => new Promise(resolve => {
      new LoggerOutlet([program], deps).write(Buffer.from('x'), failed => resolve(console.log('failed', failed)))
    })
    console.log('begins')
    await attempt('/no/such/program')
    try { for (;;) openSync('/dev/null') } catch {}
    await attempt('/bin/cat')
    process.exitCode = 7`
  const command = `ulimit -n 64; exec "${process.execPath}" --input-type=module -e "$0"`
  const program = await runProgram(t, 'sh', ['-c', command, script])
  assert.equal(program.ended?.code, 7, program.report())
  const [, ...outcome] = program.stdout
  assert.deepEqual(outcome.toSorted(), [
    'failed true',
    'failed true',
    'told spawn /bin/cat EMFILE',
    'told spawn /no/such/program ENOENT',
  ])
})

/** Its process has ended, and is not to be started again yet. */
async function untilItFails(write: (text: string) => Promise<unknown>): Promise<void> {
  let outcome: unknown
  do outcome = await write('y\n')
  while (outcome !== 'failed')
}

test('what a program says about its end steers no terminal, and is told once a minute', async t => {
  const { clock, write, failure, told } = outletOf(t, `printf '\\033[31mred\\nsecond' >&2; exit 2`)
  const first = failure()
  await write('x\n')
  assert.equal(await first, '\\x1b[31mred\\x0asecond')
  for (const [passed, times] of [
    [30_000, 1],
    [30_000, 2],
  ] as const) {
    clock.advance(passed)
    const next = failure()
    await write('x\n')
    if (times === 2) await next
    else await untilItFails(write)
    assert.equal(told.length, times)
  }
})

test('a program that reads nothing keeps nobody waiting: its write just does not end', async t => {
  const file = join(temporaryDirectory(t), 'pid')
  const { outlet, write } = outletOf(t, `read line; echo $$ > ${file}; exec sleep 1000`)
  await write('is there\n')
  await until(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))
  const pid = Number(readFileSync(file, 'utf8'))
  t.after(() => process.kill(pid))
  let isDone = false
  const large = Buffer.alloc(4_000_000, 'x')
  outlet.write(large, () => {
    isDone = true
  })
  assert.throws(() => outlet.writeNow(Buffer.from('last\n')))
  assert.equal(isDone, false)
})

test('logger is looked for in the directories of PATH, those alone that have a whole path', t => {
  const [empty, full] = [temporaryDirectory(t), temporaryDirectory(t)]
  const program = join(full, 'logger')
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o644 })
  assert.equal(findLogger({ PATH: [empty, full].join(delimiter) }), undefined, 'no program')
  rmSync(program)
  writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 })
  assert.equal(findLogger({ PATH: [empty, full].join(delimiter) }), program)
  assert.equal(findLogger({ PATH: '' }), undefined)
  assert.equal(findLogger({ PATH: '.' }), undefined)
  assert.equal(findLogger({}), undefined)
})
