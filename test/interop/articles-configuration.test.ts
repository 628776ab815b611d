// Every configuration block of the four guides, in both brokers: it starts, or it is refused with the text of the spec.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { type BrokerKind, both, runBroker, startEither } from '../support/broker-process.ts'
import { freePort } from '../support/free-port.ts'
import { blocks, type Outcome } from './article-blocks.ts'
import { articleFiles, moved } from './articles.ts'

for (const block of blocks) {
  for (const kind of both) {
    const outcome = kind === 'castellan' ? block.castellan : (block.mosquitto?.outcome ?? block.castellan)
    const verb = outcome === 'listens' ? 'listens' : `refuses with exit code ${outcome.code}`
    const reason = kind === 'mosquitto' && block.mosquitto ? ` (${block.mosquitto.reason})` : ''
    test(`${block.sentence}: ${kind} ${verb}${reason}`, async t => {
      const files = await articleFiles(t)
      if (block.acl) await writeFile(join(files.dir, 'aclfile'), block.acl)
      if (block.passwords) await writeFile(join(files.dir, 'printed-credentials'), block.passwords)
      const otherPort = await freePort()
      const setup = {
        config: ({ port }: { port: number }) => moved(block.block, files, port, otherPort),
        // Only a block without a listener takes its port from the command line.
        args: ({ port }: { port: number }) => (/^(listener|port) /m.test(block.block) ? [] : ['-p', String(port)]),
      }
      await expectOutcome(t, kind, setup, outcome)
    })
  }
}

type Setup = Parameters<typeof startEither>[2]

async function expectOutcome(
  t: Parameters<typeof startEither>[0],
  kind: BrokerKind,
  setup: Setup,
  outcome: Outcome,
): Promise<void> {
  if (outcome === 'listens') {
    const broker = await startEither(t, kind, setup)
    // Mosquitto forgets a SIGTERM that comes right behind its first lines.
    if (kind === 'castellan') assert.equal((await broker.stop()).code, 0, 'SIGTERM ends it in good order')
    return
  }
  const program = await runBroker(t, kind, setup)
  assert.equal(program.ended?.code, outcome.code, program.report())
  const lines = program.lines.map(line => line.replace(/^\d+: /, ''))
  for (const text of outcome.says)
    assert(
      lines.some(line => text.test(line)),
      `${text}${program.report()}`,
    )
}
