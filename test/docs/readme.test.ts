// Does what the README says, in a copy of the repository, with Debian's clients. Ports are other ones than the README's,
// because tests run side by side; `npm ci` is left out, because it is how this test came to run.

import assert from 'node:assert/strict'
import { chmodSync, cpSync, globSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { clientRecipe } from '../../src/cli/up/arguments.ts'
import { read, repository, repositoryFiles } from '../repo/source-files.ts'
import { freePort } from '../support/free-port.ts'
import { type LineProcess, runProgram, startProgram } from '../support/line-process.ts'
import { type Block, blocksBySection } from './readme-blocks.ts'

/** Free ports in the place of those that the README names. */
interface Ports {
  /** For 1883, which clients use when none is given. */
  readonly plain: number
  /** For 8883. */
  readonly tls: number
}

const sections = blocksBySection(read('README.md'))
const examples = [...sections].filter(([heading]) => /^\d\. /.test(heading))

test('the first command brings up a broker, and the two lines that it prints deliver a message as they are', async t => {
  const reader = await newReader(t)
  const broker = await reader.serve(firstCommand())
  const [subscribe, publish] = await printedLines(broker)
  for (const line of [subscribe, publish])
    assert.doesNotMatch(line, /(?:^|\s)(?:\.{1,2}\/|[\w-]+\.(?:crt|key|pem))/, 'absolute')
  // Unlike a person, a test is quick enough to publish before the subscription stands: `-d` tells when it does.
  const subscriber = startProgram(t, 'stdbuf', ['-oL', 'sh', '-c', `exec ${subscribe} -d`], { cwd: tmpdir() })
  await subscriber.waitForLine(/^Subscribed \(mid/)
  const publisher = await runProgram(t, 'sh', ['-c', publish], { cwd: tmpdir() })
  assert.equal((await publisher.exit()).code, 0, publisher.report())
  await subscriber.waitForLine(messageOf(publish))
})

test('started again, the first command changes nothing and prints the same two lines', async t => {
  const reader = await newReader(t)
  const first = await reader.serve(firstCommand())
  const [lines, made] = [await printedLines(first), reader.made()]
  await first.stop()
  assert.deepEqual(await printedLines(await reader.serve(firstCommand())), lines)
  assert.ok(made.length > 5)
  assert.deepEqual(reader.made(), made)
})

test('the examples work as they stand, one after the other', async t => {
  const reader = await newReader(t)
  await reader.serve(firstCommand())
  for (const [heading, blocks] of examples) {
    await t.test(heading, async () => {
      for (const block of blocks) await reader.follow(block)
    })
  }
})

test('the README has three worked examples, each of which runs something and says what comes of it', () => {
  assert.equal(examples.length, 3)
  for (const [heading, blocks] of examples) {
    assert.ok(blocks.some(({ kind }) => kind === 'run') && blocks.some(({ kind }) => kind === 'prints'), heading)
  }
})

test('the recipe for a further device is the one that castellan up --help tells', () => {
  const inExamples = examples.flatMap(([, blocks]) => blocks).filter(block => block.kind === 'run')
  assert.equal(inExamples.filter(({ script }) => script.includes(clientRecipe)).length, 1)
})

function firstCommand(): string {
  const block = sections.get('Two commands')?.find(({ kind }) => kind === 'serve')
  assert.ok(block?.kind === 'serve')
  return block.script
}

async function printedLines(broker: LineProcess): Promise<[subscribe: string, publish: string]> {
  const [subscribe] = await broker.waitForLine(/^\s*mosquitto_sub .*/)
  const [publish] = await broker.waitForLine(/^\s*mosquitto_pub .*/)
  return [subscribe.trim(), publish.trim()]
}

/** The text behind `-m`, quoted or not. */
function messageOf(publish: string): RegExp {
  const [, quoted, plain] = / -m (?:'([^']*)'|(\S+))/.exec(publish) ?? []
  const text = quoted ?? plain
  assert.ok(text !== undefined, publish)
  return new RegExp(`(^|\\s)${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
}

/** Somebody with a fresh clone who does one block after the other. */
class Reader {
  readonly #t: TestContext
  readonly #clone: string
  readonly #ports: Ports
  #serving: LineProcess | undefined
  #printed: readonly string[] = []

  constructor(t: TestContext, clone: string, ports: Ports) {
    this.#t = t
    this.#clone = clone
    this.#ports = ports
  }

  async follow(block: Block): Promise<void> {
    switch (block.kind) {
      case 'file':
        writeFileSync(join(this.#clone, block.name), this.#local(block.text))
        return
      case 'serve':
        await this.serve(block.script)
        return
      case 'run':
        if (!block.rootOnly || process.geteuid?.() === 0) await this.#run(block)
        return
      case 'prints':
        assert.deepEqual(this.#printed, block.text.trimEnd().split('\n'))
        return
    }
  }

  /** What `castellan up` made, without what its broker keeps: each file with the time of its last change. */
  made(): string[] {
    const exclude = (path: string) => /castellan-store|audit\.jsonl/.test(path)
    const files = globSync('castellan-data/**', { cwd: this.#clone, exclude }).sort()
    return files.map(path => `${path} ${statSync(join(this.#clone, path)).mtimeMs}`)
  }

  /** Starts a broker and waits until it listens. */
  async serve(script: string): Promise<LineProcess> {
    await this.#serving?.stop()
    // `exec`, so that stopping it stops the broker and not a shell.
    const command = this.#local(script).replace(/(^|&& )bin\/castellan/, '$1exec bin/castellan')
    this.#serving = startProgram(this.#t, 'sh', ['-c', command], { cwd: this.#clone })
    await this.#serving.waitForLine(/castellan version \S+ running/)
    return this.#serving
  }

  async #run({ script, exits, types }: Extract<Block, { kind: 'run' }>): Promise<void> {
    const input = types === undefined ? '' : `${types}\n${types}\n`
    const program = await runProgram(this.#t, 'sh', ['-ec', this.#local(script)], { cwd: this.#clone, input })
    this.#printed = program.lines
    assert.equal((await program.exit()).code, exits, `${script}${program.report()}`)
  }

  /** The text as it is on this machine at this moment: with ports that are free, and what is installed installed. */
  #local(text: string): string {
    const { plain, tls } = this.#ports
    return text
      .replace('npm ci && ', '')
      .replace(/\b1883\b/g, String(plain))
      .replace(/\b8883\b/g, String(tls))
      .replace(/castellan up\b(?!.*--port)/, `castellan up --port ${tls} --local-port ${plain}`)
      .replace(/(mosquitto_(?:pub|sub)) (?!.*-p )/g, `$1 -p ${plain} `)
  }
}

async function newReader(t: TestContext): Promise<Reader> {
  const clone = mkdtempSync(join(tmpdir(), 'castellan-readme-'))
  // As `git clone` makes it: the account that root's broker becomes can get at it.
  chmodSync(clone, 0o755)
  t.after(() => rmSync(clone, { recursive: true, force: true }))
  for (const path of repositoryFiles()) cpSync(join(repository, path), join(clone, path))
  symlinkSync(join(repository, 'node_modules'), join(clone, 'node_modules'))
  return new Reader(t, clone, { plain: await freePort(), tls: await freePort() })
}
