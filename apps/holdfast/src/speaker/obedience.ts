import type { NodePlan } from '@holdfast/announce'
import { doubtOf, doubtText } from './doubt.ts'
import type { Tell } from './telling.ts'

export interface ObedienceOptions {
  readonly share: number
  /** Lists every kind again. */
  readonly relist: () => Promise<void>
  readonly tell: Tell
  /** The lists are there a second time: the newest snapshot is to be judged again. */
  readonly decided: () => void
}

/**
 * Whether what the API server says is obeyed. What a watch tells is; a list that would take away much is read a second time first,
 * because a list can be wrong or empty by a fault of the server's.
 */
export class Obedience {
  readonly #options: ObedienceOptions
  /** Kinds that were listed since something was obeyed. */
  #relisted = new Set<string>()
  /** What is doubted now. */
  #doubt: string | undefined
  #isConfirmed = false
  #counts = { doubted: 0, obeyed: 0, dismissed: 0 }

  constructor(options: ObedienceOptions) {
    this.#options = options
  }

  /** A sentence about what is doubted now; undefined: nothing. */
  get doubt(): string | undefined {
    return this.#doubt
  }

  get counts(): { readonly doubted: number; readonly obeyed: number; readonly dismissed: number } {
    return this.#counts
  }

  /** A snapshot came, and these kinds of it were listed. */
  heard(relisted: ReadonlySet<string> | undefined): void {
    for (const kind of relisted ?? []) this.#relisted.add(kind)
  }

  /** Judges a plan. `isNodeGone`: the own Node is not in the list any more, which takes everything away. */
  obeys(before: NodePlan | undefined, after: NodePlan, isNodeGone: boolean): boolean {
    const doubt =
      before === undefined || this.#relisted.size === 0 ? undefined : this.#doubtOf(before, after, isNodeGone)
    if (doubt !== undefined && !this.#isConfirmed) {
      this.#begin(doubt)
      return false
    }
    this.#end(doubt)
    return true
  }

  #doubtOf(before: NodePlan, after: NodePlan, isNodeGone: boolean): string | undefined {
    const doubt = doubtOf(before.routes, after.routes, this.#options.share)
    if (doubt !== undefined) return doubtText(doubt, this.#relisted)
    return isNodeGone ? 'a new list does not have the own Node' : undefined
  }

  #begin(doubt: string): void {
    if (this.#doubt !== undefined) return
    this.#doubt = doubt
    this.#counts = { ...this.#counts, doubted: this.#counts.doubted + 1 }
    this.#options.tell('warn', 'doubted', `${doubt}: not obeyed, listing again`)
    void this.#options.relist().then(() => {
      this.#isConfirmed = true
      this.#options.decided()
    })
  }

  #end(doubt: string | undefined): void {
    if (this.#doubt !== undefined && doubt === undefined) {
      this.#counts = { ...this.#counts, dismissed: this.#counts.dismissed + 1 }
      this.#options.tell('info', 'doubtDismissed', 'the new list was wrong: another one has what it missed')
    } else if (this.#doubt !== undefined) {
      this.#counts = { ...this.#counts, obeyed: this.#counts.obeyed + 1 }
      this.#options.tell('warn', 'doubtObeyed', `${doubt ?? ''}: a second list says the same, and is obeyed`)
    }
    this.#doubt = undefined
    this.#isConfirmed = false
    this.#relisted = new Set()
  }
}
