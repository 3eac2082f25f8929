import type { Scene } from './scene.ts'
import type { Door } from './session.ts'

/** A hostile input that is more than some bytes at one point of a connection. */
export interface Special {
  readonly row: string
  readonly title: string
  /** What is required, for the page. */
  readonly required: string
  readonly tags?: readonly string[]
  readonly peer?: 'general' | 'limited' | 'refuser'
  readonly scenes: (scene: Scene) => boolean
  /** Heavy ones run one at a time, when all others are through. */
  readonly isHeavy: boolean
  /** Resolves with what was not as required. */
  readonly run: (door: Door, program: Program) => Promise<string | undefined>
}

/** The process under test, as the kernel sees it. */
export interface Program {
  readonly pid: number
}

export const inbound = ({ isDialled }: Scene): boolean => !isDialled
export const everywhere = (): boolean => true
