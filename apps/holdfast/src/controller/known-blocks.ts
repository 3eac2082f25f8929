import type { ApiResult, KubeObject } from '@holdfast/cluster'
import type { AddressBlockSpec, BlockFault, ReservedAddress } from '@holdfast/ipam'
import { decodeBlock } from '@holdfast/ipam'

/** An AddressBlock as the controller knows it: by its own writes and reads, or by what it follows. */
export interface KnownBlock {
  readonly name: string
  /** undefined: it does not exist. Without its spec, which is kept once. */
  readonly object: Pick<KubeObject, 'metadata'> | undefined
  /** undefined: it does not exist, or says nothing but what is reserved, or cannot be read (`faults`). */
  readonly spec: AddressBlockSpec | undefined
  /** What leaderships have set aside of it. */
  readonly reserved: readonly ReservedAddress[]
  /** metadata.resourceVersion; empty: it does not exist. */
  readonly version: string
  /** Why it cannot be read; empty: it can. */
  readonly faults: readonly BlockFault[]
}

/**
 * The newest that is known of each block. What is followed comes late: a version that was known before counts for nothing, and of
 * one that is neither that nor the newest, nobody can tell which is newer, so the block has to be asked for.
 */
export interface KnownBlocks {
  readonly get: (name: string) => KnownBlock
  readonly all: () => Iterable<KnownBlock>
  /** True since a block was found to be other than we left it, or `distrust`, until `reseeded`. */
  readonly isForeign: () => boolean
  /** What was planned from the blocks was planned without knowing enough: it has to be planned from them again. */
  readonly distrust: () => void
  readonly reseeded: () => void
  /** Compares with what is followed; returns the names of blocks that have to be asked for. */
  readonly compare: (followed: ReadonlyMap<string, KubeObject>) => readonly string[]
  /** Whether a version (empty: that there is none) is the newest that is known, or an older one. */
  readonly isKnown: (name: string, version: string) => boolean
  /** An answer to a read of the block: another version than the known one is somebody else's. */
  readonly fetched: (name: string, object: KubeObject | undefined) => void
  /** What a write of ours made of the block; undefined: it is removed. */
  readonly written: (name: string, object: KubeObject | undefined, spec: AddressBlockSpec | undefined) => void
  /** A write of ours had no answer, or a refusal. */
  readonly doubt: (name: string) => void
  readonly forget: () => void
}

export function createKnownBlocks(): KnownBlocks {
  const known = new Map<string, KnownBlock>()
  /** By name: versions that came before the known one. */
  const older = new Map<string, Set<string>>()
  const doubtful = new Set<string>()
  let isForeign = true
  let isFirst = true

  const get = (name: string): KnownBlock => known.get(name) ?? absent(name)

  function supersede(name: string, next: KnownBlock): void {
    const versions = older.get(name) ?? new Set()
    const { version } = get(name)
    // That a block is not there is said of two times alike: before it was made, and after somebody removed it.
    if (version !== '') versions.add(version)
    versions.delete(next.version)
    older.set(name, versions)
    if (next.object === undefined) known.delete(name)
    else known.set(name, next)
  }

  function isUnclear(name: string, version: string): boolean {
    if (version === get(name).version) {
      older.delete(name)
      return false
    }
    return older.get(name)?.has(version) !== true
  }

  function adopt(followed: ReadonlyMap<string, KubeObject>): void {
    for (const [name, object] of followed) known.set(name, knownOf(name, object))
    isFirst = false
  }

  return {
    get,
    all: () => known.values(),
    isForeign: () => isForeign,
    distrust: () => {
      isForeign = true
    },
    reseeded: () => {
      isForeign = false
    },
    compare: (followed) => {
      if (isFirst) adopt(followed)
      const unclear = new Set(doubtful)
      for (const name of new Set([...known.keys(), ...older.keys(), ...followed.keys()])) {
        if (isUnclear(name, followed.get(name)?.metadata.resourceVersion ?? '')) unclear.add(name)
      }
      return [...unclear]
    },
    isKnown: (name, version) => !isFirst && (version === get(name).version || older.get(name)?.has(version) === true),
    fetched: (name, object) => {
      doubtful.delete(name)
      if ((object?.metadata.resourceVersion ?? '') === get(name).version) return
      isForeign = true
      supersede(name, object === undefined ? absent(name) : knownOf(name, object))
    },
    written: (name, object, spec) => {
      doubtful.delete(name)
      const version = object?.metadata.resourceVersion ?? ''
      supersede(name, { name, object: withoutSpec(object), spec, reserved: reservedIn(object), version, faults: [] })
    },
    doubt: (name) => void doubtful.add(name),
    forget: () => {
      known.clear()
      older.clear()
      doubtful.clear()
      isForeign = isFirst = true
    },
  }
}

const absent = (name: string): KnownBlock => ({
  name,
  object: undefined,
  spec: undefined,
  reserved: [],
  version: '',
  faults: [],
})

function knownOf(name: string, object: KubeObject): KnownBlock {
  const reading = decodeBlock(name, object['spec'])
  const version = object.metadata.resourceVersion ?? ''
  const common = { name, object: withoutSpec(object), version }
  if (reading.kind === 'unreadable') return { ...common, spec: undefined, reserved: [], faults: reading.faults }
  const { spec, reserved } = reading
  const isEmpty = spec.addresses.length + spec.released.length === 0
  return { ...common, spec: isEmpty && reserved.length > 0 ? undefined : spec, reserved, faults: [] }
}

/** What the server has stored, and not what it was sent: with an older schema of blocks it stores no marks. */
function reservedIn(object: KubeObject | undefined): KnownBlock['reserved'] {
  if (object === undefined) return []
  const reading = decodeBlock(object.metadata.name, object['spec'])
  return reading.kind === 'read' ? reading.reserved : []
}

const withoutSpec = (object: KubeObject | undefined): KnownBlock['object'] =>
  object === undefined ? undefined : { metadata: object.metadata }

/** An answer to a read as an object or its absence; undefined: neither, it is not known. */
export function readingOf(answer: ApiResult<KubeObject>): { readonly object: KubeObject | undefined } | undefined {
  if (answer.kind === 'ok') return { object: answer.value }
  return answer.code === 'notFound' ? { object: undefined } : undefined
}
