import type { Life } from '../kubernetes/speaker-life.ts'
import type { SpeakerPod, SpeakerPods } from './speaker-pods.ts'

/** Why what a node said last is no word of now: `status` and `explain` say the same. */
export interface Absence {
  readonly state: 'NoSpeaker' | 'SpeakerNotReady' | 'SpeakerSilent'
  readonly message: string
  /** Whether it is sure that the node announces nothing. */
  readonly isSure: boolean
}

/** What became of questions to speakers, by node; those without an entry were not asked. */
export type Lives = ReadonlyMap<string, Life['kind']>

/** A node of which no speaker has written a NodeState. */
export const neverTold = 'no speaker has told of this node'

/** It may be dead, or cut off from the API server and announcing still. */
export const silent: Absence = { state: 'SpeakerSilent', message: 'its speaker does not answer', isSure: false }

/** What stands beside it is old. */
export const saidLast = ({ message }: Absence): string => `${message}; this is what it said last`

/**
 * A speaker that is gone cannot say so: its NodeState stays as it was. undefined: nothing says that the speaker of the node is gone.
 * One that answers is there, wherever it runs; where no pod is a speaker's, it shows that all may run outside of pods.
 */
export function absenceOf(node: string, speakers: SpeakerPods, lives: Lives): Absence | undefined {
  const life = lives.get(node)
  if (life === 'answered') return undefined
  const ofLife = life === 'silent' ? silent : undefined
  if (speakers.kind === 'notShown') return ofLife
  if (speakers.byNode.size > 0) return ofPod(speakers.byNode.get(node)) ?? ofLife
  return [...lives.values()].includes('answered') ? ofLife : withoutPods(life, lives)
}

function ofPod(speaker: SpeakerPod | undefined): Absence | undefined {
  if (speaker?.isReady === true) return undefined
  if (speaker === undefined) {
    return { state: 'NoSpeaker', message: 'no pod of the speaker is here', isSure: true }
  }
  const why = speaker.why === '' ? '' : ` (${speaker.why})`
  return { state: 'SpeakerNotReady', message: `pod ${speaker.pod} is not ready${why}`, isSure: false }
}

/** Speakers can run outside of pods: then there are none, and an answer is what counts. */
function withoutPods(life: Life['kind'] | undefined, lives: Lives): Absence {
  const silences = [...lives.values()].filter((kind) => kind === 'silent').length
  return {
    state: 'NoSpeaker',
    message: `no pod of a speaker is in this namespace, and ${whoAnswers(life, silences)}`,
    isSure: silences > 0,
  }
}

function whoAnswers(life: Life['kind'] | undefined, silences: number): string {
  if (life === 'silent') return 'its speaker does not answer'
  return silences === 0
    ? 'it could not be asked whether it runs elsewhere'
    : `none of ${silences} that were asked answers`
}
