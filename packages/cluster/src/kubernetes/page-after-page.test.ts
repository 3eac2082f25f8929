import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageAfterPage } from './page-after-page.ts'

/** A server whose pages are answered when a test says so. */
function createServer() {
  const asked: (string | undefined)[] = []
  const foresees: ((next: string) => void)[] = []
  const answers: { readonly resolve: (page: string) => void; readonly reject: (reason: Error) => void }[] = []
  const nextPage = pageAfterPage<string>((token, foresee) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    asked.push(token)
    foresees.push(foresee)
    answers.push({ resolve, reject })
    return promise
  })
  return { asked, nextPage, foresee: (page: number, next: string) => foresees[page]?.(next), answers }
}

test('the next page is asked for when it is foreseen, once, and not the one after it before it is wanted', async () => {
  const { asked, nextPage, foresee, answers } = createServer()
  const first = nextPage(undefined)
  foresee(0, 'b')
  assert.deepEqual(asked, [undefined, 'b'])
  foresee(1, 'c')
  assert.deepEqual(asked, [undefined, 'b'])
  answers[1]?.resolve('second')
  answers[0]?.resolve('first')
  assert.equal(await first, 'first')
  const second = nextPage('b')
  assert.deepEqual(asked, [undefined, 'b', 'c'])
  assert.equal(await second, 'second')
  answers[2]?.resolve('third')
  assert.equal(await nextPage('c'), 'third')
  assert.deepEqual(asked, [undefined, 'b', 'c'])
})

test('without foresight, or with a wrong one, the page is asked for that is wanted', async () => {
  const { asked, nextPage, foresee, answers } = createServer()
  void nextPage(undefined)
  void nextPage('b')
  foresee(1, 'x')
  const third = nextPage('c')
  assert.deepEqual(asked, [undefined, 'b', 'x', 'c'])
  // Of a page that nobody wants any more.
  foresee(2, 'y')
  assert.equal(asked.length, 4)
  answers[3]?.resolve('third')
  assert.equal(await third, 'third')
})

test('a page ahead that fails harms nobody before it is wanted', async () => {
  const { nextPage, foresee, answers } = createServer()
  const first = nextPage(undefined)
  foresee(0, 'b')
  answers[1]?.reject(new Error('a defect'))
  await new Promise((resolve) => setImmediate(resolve))
  answers[0]?.resolve('first')
  assert.equal(await first, 'first')
  await assert.rejects(nextPage('b'), /a defect/)
})
