import { closest } from '../spelling.ts'
import type { Definition } from './definition.ts'
import { holdfastDefinitions, holdfastGroup } from './holdfast.ts'
import { metallbDefinitions, metallbGroup } from './metallb.ts'

/** An API group that is read as a whole: a kind or version of it that we do not know is a mistake. */
export interface Group {
  readonly name: string
  readonly definitions: readonly Definition[]
}

export const groups: readonly Group[] = [
  { name: metallbGroup, definitions: metallbDefinitions },
  { name: holdfastGroup, definitions: holdfastDefinitions },
]

/** The group of an apiVersion; empty for Kubernetes' core group. */
export const groupNameOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''

const definitionsOfGroups: ReadonlySet<Definition> = new Set(groups.flatMap(({ definitions }) => definitions))

export const isOfGroups = (definition: Definition): boolean => definitionsOfGroups.has(definition)

/**
 * The group that an object was meant to be of, also where its name is misspelt, left out, or that of our other group; undefined:
 * none of ours. Others have kinds of the same names: Calico has a BGPPeer.
 */
export function groupMeant(apiVersion: string, kind: string): Group | undefined {
  const name = groupNameOf(apiVersion)
  const owner = groups.find(({ definitions }) => definitions.some((known) => known.kind === kind))
  const isOurs = groups.some((group) => group.name === name)
  if (owner !== undefined && (isOurs || name === '' || closest(name, [owner.name]) !== undefined)) return owner
  return groups.find((group) => group.name === name)
}
