import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../deploy/helm.ts'

/** One block of commands of docs/operate/migrate-from-metallb.md. */
export interface Block {
  readonly script: string
  /** The heading that it stands below. */
  readonly heading: string
  /** Of the comment before it: helm, manifests, controller, back, swap. */
  readonly marks: readonly string[]
  /** The comment says why the other test does not run it. */
  readonly notRun: boolean
}

const page = readFileSync(join(root, 'docs/operate/migrate-from-metallb.md'), 'utf8')

const blocks: readonly Block[] = page.split(/^(?=## )/m).flatMap((section) => {
  const heading = /^## (.*)/.exec(section)?.[1] ?? ''
  return [...section.matchAll(/(?:<!-- (.*) -->\n)?```sh\n([\s\S]*?)```/g)].map(([, note = '', script = '']) => {
    const notRun = note.startsWith('not run: ')
    return { script, heading, notRun, marks: notRun || note === '' ? [] : note.split(' ') }
  })
})

/** The blocks below the heading that begins with this, for a MetalLB from its manifests. */
export function blocksBelow(heading: string): readonly Block[] {
  const found = blocks.filter((block) => block.heading.startsWith(heading) && !block.marks.includes('helm'))
  if (found.length === 0) throw new Error(`the page has no commands below ${heading}`)
  return found
}

/** The variables that blocks set, which later ones use. */
export const variables = blocks
  .filter(({ marks }) => !marks.includes('helm'))
  .flatMap(({ script }) => script.split('\n').filter((line) => /^[A-Z]+=/.test(line)))
  .join('\n')
