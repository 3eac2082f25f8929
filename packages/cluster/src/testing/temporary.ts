import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const endings = new WeakMap<TestContext, (() => unknown)[]>()

/** Does something when the test has ended, however it did: what was asked for last comes first. */
export function atEnd(test: TestContext, work: () => unknown): void {
  const known = endings.get(test)
  if (known !== undefined) {
    known.push(work)
    return
  }
  const works = [work]
  endings.set(test, works)
  test.after(async () => {
    for (const each of works.toReversed()) await each()
  })
}

/** A directory of its own, which goes away with the test. */
export function temporaryDirectory(test: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'))
  atEnd(test, () => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Waits until a condition holds; `step` is done before every look at it. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  step: () => void = () => undefined,
): Promise<void> {
  const end = performance.now() + 5_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${condition.toString()}`)
    step()
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** The text of a small Service. */
export function service(name: string, type = 'LoadBalancer'): string {
  return `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\nspec:\n  type: ${type}\n`
}
