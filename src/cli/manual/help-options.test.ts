import assert from 'node:assert/strict'
import test from 'node:test'
import { optionsOf, usageOf } from './help-options.ts'

const page = `Usage: castellan try make NAME [--dry-run] [-o json|name]     makes one; -x is no option here
       castellan try drop NAME       drops it,
                                     and all below it

What is made
  -t, --type TYPE              red (default), green, blue-2; green by default
      --size NUMBER            bytes, 512 or more, unless given
      --from FILE, --to DIR    where it comes from,
                               and where it goes
  -q                           says nothing
  -m one                       the first
      --as NAME                s, m, l, or one of your own
  -m two                       the second
  --cert FILE --key FILE       both
  -l, --level 0|1              how much

Exit codes: 0 done. What --this says is not an option.

  castellan try make x --not-an-option
`

test('cli section 7: options are what has a line of its own, with all names, value, choices and explanation', () => {
  assert.deepEqual(optionsOf(page), [
    {
      names: ['-t', '--type'],
      value: 'TYPE',
      choices: ['red', 'green', 'blue-2'],
      doc: 'red (default), green, blue-2; green by default',
    },
    { names: ['--size'], value: 'NUMBER', choices: [], doc: 'bytes, 512 or more, unless given' },
    { names: ['--from'], value: 'FILE', choices: [], doc: 'where it comes from, and where it goes' },
    { names: ['--to'], value: 'DIR', choices: [], doc: 'where it comes from, and where it goes' },
    { names: ['-q'], value: undefined, choices: [], doc: 'says nothing' },
    { names: ['-m'], value: 'one', choices: ['one', 'two'], doc: 'the first' },
    { names: ['--as'], value: 'NAME', choices: ['s', 'm', 'l'], doc: 's, m, l, or one of your own' },
    { names: ['--cert'], value: 'FILE', choices: [], doc: 'both' },
    { names: ['--key'], value: 'FILE', choices: [], doc: 'both' },
    { names: ['-l', '--level'], value: '0|1', choices: ['0', '1'], doc: 'how much' },
    { names: ['--dry-run'], value: undefined, choices: [], doc: '' },
    { names: ['-o'], value: 'json|name', choices: ['json', 'name'], doc: '' },
  ])
})

test('cli section 7: the usage is its block of lines, each with what is said behind it', () => {
  assert.deepEqual(usageOf(page), [
    { form: 'castellan try make NAME [--dry-run] [-o json|name]', doc: 'makes one; -x is no option here' },
    { form: 'castellan try drop NAME', doc: 'drops it, and all below it' },
  ])
  assert.deepEqual(usageOf('no usage\n'), [])
})
