import { statesOf } from '../kubernetes/node-states.ts'
import type { Life } from '../kubernetes/speaker-life.ts'
import type { Lives, SpeakerPods } from '../overview/speaker-pods.ts'
import { absenceOf } from '../overview/speaker-pods.ts'
import type { ExplainInput, Explanation, SpeakerAbsence } from './explanation.ts'
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
      const absence = absenceIn(pods, node, speakers)
      return absence === undefined ? [] : [[node, absence] as const]
    }),
  )
  return explain({ ...input, nodeStates: new Map([...input.nodeStates, ...fresh]), speakers, absences })
}

/** A speaker that answers is there, wherever it runs; one that is only silent is told apart from one whose pod is gone. */
function absenceIn(pods: SpeakerPods, node: string, lives: Lives): SpeakerAbsence | undefined {
  const life = lives.get(node)
  if (life === 'answered') return undefined
  const absence = absenceOf(node, pods, lives)
  if (absence === undefined || absence.state === 'SpeakerSilent') return undefined
  const isGone = absence.state === 'NoSpeaker'
  return {
    reason: isGone ? 'noSpeaker' : 'speakerNotReady',
    message: absence.message.replace(/; this is what it said last$/, ''),
    // Speakers can run outside of pods: then there are none, and an answer is what counts.
    isSure: isGone && (lives.get(node) === 'silent' || hasPods(pods)),
  }
}

const hasPods = (pods: SpeakerPods): boolean => pods.kind === 'shown' && pods.byNode.size > 0
