import assert from 'node:assert/strict'
import test from 'node:test'
import { identity } from '../../test/support/realms.ts'
import { type AuthSource, askInOrder, defer, describeTrail, inOrder, type SourceVerdict } from './auth-chain.ts'
import { provePrincipal } from './principal.ts'

const allow: SourceVerdict = { allowed: true, principal: provePrincipal('u', 'password', 'e') }
const no: SourceVerdict = { allowed: false, reason: 'not-authorized', rule: 'no' }

interface Asked extends AuthSource {
  count: number
}

function source(name: AuthSource['name'], verdict: SourceVerdict | Promise<SourceVerdict>): Asked {
  return {
    name,
    count: 0,
    judge() {
      this.count++
      return verdict
    },
  }
}

function ask(...sources: readonly AuthSource[]): SourceVerdict | Promise<SourceVerdict> {
  return askInOrder(sources, 'u', identity('u', 'p'))
}

const cases: readonly (readonly [
  what: string,
  verdicts: readonly SourceVerdict[],
  allowed: boolean | undefined,
  trail: string,
])[] = [
  ['the first allows', [allow, no], true, 'http allowed'],
  ['the first denies, whatever the second would say', [no, allow], false, 'http denied (no)'],
  ['the first defers, the second allows', [defer('?'), allow], true, 'http deferred (?), password-file allowed'],
  ['the first defers, the second denies', [defer('?'), no], false, 'http deferred (?), password-file denied (no)'],
  ['both defer', [defer('?'), defer('!')], undefined, 'http deferred (?), password-file deferred (!)'],
  ['there is nobody to ask', [], undefined, ''],
]

for (const [what, verdicts, allowed, trail] of cases) {
  for (const late of [false, true]) {
    test(`features K6: chain: ${what}${late ? ', later' : ''}`, async () => {
      const names = ['http', 'password-file'] as const
      const sources = verdicts.map((verdict, index) =>
        source(names[index] ?? 'http', late ? Promise.resolve(verdict) : verdict),
      )
      const outcome = ask(...sources)
      assert.equal(outcome instanceof Promise, late && sources.length > 0)
      const said = await outcome
      assert.equal(said.allowed, allowed)
      assert.equal(describeTrail(said.trail ?? []), trail)
      assert.deepEqual(
        sources.map(({ count }) => count),
        sources.map((_, index) => Number(index < (said.trail?.length ?? 0))),
      )
    })
  }
}

test('features K6: chain: the order is the one that is given, and who is not in it is not asked', () => {
  const sources = [source('dynamic-security', no), source('password-file', no), source('http', no)]
  const names = inOrder(sources, ['http', 'dynamic-security']).map(({ name }) => name)
  assert.deepEqual(names, ['http', 'dynamic-security'])
})

test('features K6: chain: what a source says cannot forge a line of the log', async () => {
  const { trail = [] } = await ask(source('http', defer('a\nb')))
  assert.equal(describeTrail(trail), 'http deferred (a\\x0ab)')
})
