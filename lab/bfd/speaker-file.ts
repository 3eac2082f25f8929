import type { BfdConfig } from '@holdfast/bfd'

/** One session in the file that `speaker.ts` reads. */
export interface SpeakerSession {
  readonly name: string
  readonly remote: string
  readonly local?: string
  readonly device?: string
  readonly config: BfdConfig
}

/** 50 ms x 3, single-hop. */
export const fastConfig: BfdConfig = {
  transmitIntervalMs: 50,
  receiveIntervalMs: 50,
  detectMultiplier: 3,
  isPassive: false,
  echoReceiveIntervalMs: undefined,
  isMultihop: false,
  minimumTtl: 254,
}
