import { statesOf } from '../kubernetes/node-states.ts'
import type { Life } from '../kubernetes/speaker-life.ts'
import { absenceOf } from '../overview/absence.ts'
import type { SpeakerPods } from '../overview/speaker-pods.ts'
import type { ExplainInput, Explanation } from './explanation.ts'
import { explain } from './explanation.ts'

/** Explains a Service by what the speakers say now that are to announce it: `ask` asks those of these nodes. */
export async function explainWith(
  input: ExplainInput,
  ask: (nodes: readonly string[]) => Promise<ReadonlyMap<string, Life>>,
  pods: SpeakerPods = { kind: 'notShown' },
): Promise<Explanation> {
  const said = explain(input)
  const announcing = said.nodes.filter(({ announces }) => announces.outcome !== 'no').map(({ node }) => node)
  if (announcing.length === 0) return said
  const lives = await ask(announcing)
  const fresh = statesOf([...lives.values()].flatMap((life) => (life.kind === 'answered' ? [life.state] : [])))
  const speakers = new Map([...lives].map(([node, { kind }]) => [node, kind]))
  const absences = new Map(
    announcing.flatMap((node) => {
      const absence = absenceOf(node, pods, speakers)
      return absence === undefined ? [] : [[node, absence] as const]
    }),
  )
  return explain({ ...input, nodeStates: new Map([...input.nodeStates, ...fresh]), speakers, absences })
}
