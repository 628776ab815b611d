import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import test from 'node:test'
import { confManPage } from '../../../scripts/conf-man-page.ts'
import { runCommand } from '../../../test/support/command.ts'
import { options } from '../../server/options.ts'
import { verbs } from '../verbs.ts'
import { oldNamePage, pagesOf, toolNames } from './help-pages.ts'
import { allManPages, man } from './man.ts'
import { manPage } from './man-page.ts'

const pages = new Map([...(await allManPages()), ['castellan.conf.5', confManPage()]])
const hasGroff = spawnSync('groff', ['--version']).error === undefined

for (const [name, text] of pages) {
  test(`cli section 7: groff finds nothing to warn of in ${name}`, { skip: !hasGroff && 'no groff here' }, () => {
    const args = ['-man', '-Tutf8', '-ww', '-rLL=100n']
    const { status, stdout, stderr } = spawnSync('groff', args, { encoding: 'utf8', input: text })
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout.replaceAll(/.\x08/g, ''), /^NAME$/m)
  })
}

test('cli section 7: every verb and every tool of Mosquitto has a page, with what its help says', async () => {
  assert.deepEqual(
    [...pages.keys()].toSorted(),
    [
      ...['castellan.1', 'castellan.conf.5'],
      ...[...verbs.map(({ name }) => name), ...toolNames].map(name => `castellan-${name}.1`),
    ].toSorted(),
  )
  for (const verb of verbs) {
    const text = wordsOf(pages.get(`castellan-${verb.name}.1`) ?? '')
    for (const page of await pagesOf(verb)) assertTold(page.text, text, page.command)
  }
  for (const name of toolNames) {
    assertTold((await oldNamePage(name)).text, wordsOf(pages.get(`castellan-${name}.1`) ?? ''), name)
  }
})

/** Every word of a help page is in the manual page, in whatever order. */
function assertTold(help: string, told: ReadonlySet<string>, command: string): void {
  const missing = help
    .replaceAll('Usage: ', '')
    .split(/\s+/)
    .filter(word => word !== '' && !told.has(word.replace(/:$/, '')) && !told.has(word))
  assert.deepEqual(missing, [], command)
}

function wordsOf(roff: string): ReadonlySet<string> {
  const text = roff
    .replaceAll(/^\.\w+ ?/gm, '')
    .replaceAll(/\\f[BR]|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\(dq', '"')
    .replaceAll(/\\\[u([0-9A-F]+)\]/g, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('\\e', '\\')
  return new Set(text.split(/\s+/).flatMap(word => [word, word.replaceAll(/^"|"$/g, '')]))
}

test('cli section 7: castellan.conf(5) has every option of the tables', () => {
  const told = wordsOf(confManPage())
  assert.deepEqual(
    Object.keys(options).filter(name => !told.has(name) && !told.has(`${name},`)),
    [],
  )
})

test('a page cannot be steered by the text that it is made from', () => {
  const text = "Usage: castellan x\n\n.SH ESCAPED\n'so /etc/passwd\na \\fBbackslash\\fR\n"
  const page = manPage({ name: 'x', summary: '.so y', version: '1', pages: [{ command: 'x', text }], seeAlso: ['y'] })
  assert.doesNotMatch(page, /^(\.SH ESCAPED|'so|\.so)/m)
  assert.match(page, /^a \\efBbackslash\\efR$|\\efBbackslash\\efR/m)
})

test('cli section 4: castellan man prints a page, names the pages for an unknown one, and takes one name', async () => {
  const [own, up, unknown, two] = await Promise.all([
    runCommand(man, []),
    runCommand(man, ['up']),
    runCommand(man, ['upp\u001b']),
    runCommand(man, ['up', 'run']),
  ])
  assert.match(own.stdout, /^\.TH "CASTELLAN" 1 /)
  assert.match(up.stdout, /^\.TH "CASTELLAN\\-UP" 1 /)
  assert.deepEqual([unknown.code, unknown.stdout], [3, ''])
  assert.match(unknown.stderr, /^castellan man: there is no page 'upp\\x1b'; pages are up, run, /)
  assert.deepEqual([two.code, two.stdout], [2, ''])
})
