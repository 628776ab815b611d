import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BudgetedList, DownloadBudget } from './download-budget.ts'

test('crl_fetch_max_bytes: all lists share it, and those of one host have half of it at most', () => {
  const budget = new DownloadBudget(100)
  assert.deepEqual([budget.take('a', 50), budget.take('a', 1)], [true, false])
  assert.deepEqual([budget.take('b', 40), budget.take('c', 11), budget.take('c', 10)], [true, false, true])
  budget.giveBack('a', 50)
  assert.deepEqual([budget.take('c', 40), budget.take('c', 1), budget.take('a', 10)], [true, false, true])
})

test('crl_fetch_max_bytes: a list that comes again has room where the one before it is; only what is more counts', () => {
  const budget = new DownloadBudget(100)
  const list = new BudgetedList(budget, 'a')
  assert.equal(list.come(40), true)
  list.replace()
  assert.deepEqual([list.come(40), list.come(10), list.come(1)], [true, true, false])
  list.replace()
  assert.equal(budget.take('b', 50), true)
  assert.equal(list.come(20), true)
  list.replace()
  assert.equal(budget.take('c', 30), true)
  assert.equal(budget.take('c', 1), false)
})

test('crl_fetch_max_bytes: what comes to nothing is given back, and what was kept still counts', () => {
  const budget = new DownloadBudget(100)
  const list = new BudgetedList(budget, 'a')
  list.come(20)
  list.replace()
  list.come(50)
  list.giveUp()
  assert.deepEqual([budget.take('a', 31), budget.take('a', 30)], [false, true])
})
