import { selectsAny } from './selector.ts'
import type { LabelSelector, Node } from './types.ts'

/** Which nodes selectors choose. Each list of selectors is resolved once. */
export class NodeSets {
  readonly #nodes: readonly Node[]
  readonly #resolved = new Map<readonly LabelSelector[], readonly string[]>()

  constructor(nodes: Iterable<Node>) {
    this.#nodes = [...nodes]
  }

  /** False where no Node object is known, so that nothing can be told apart by nodes. */
  get isKnown(): boolean {
    return this.#nodes.length > 0
  }

  /** Names of the nodes that any of the selectors chooses; all of them for an empty list. */
  chosenBy(selectors: readonly LabelSelector[]): readonly string[] {
    const known = this.#resolved.get(selectors)
    if (known !== undefined) return known
    const chosen = this.#nodes.filter(({ meta }) => selectsAny(selectors, meta.labels)).map(({ meta }) => meta.ref.name)
    this.#resolved.set(selectors, chosen)
    return chosen
  }

  /** Whether some node is chosen by both. */
  intersect(a: readonly LabelSelector[], b: readonly LabelSelector[]): boolean {
    const chosen = new Set(this.chosenBy(a))
    return this.chosenBy(b).some((name) => chosen.has(name))
  }
}
