import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeObject } from '@holdfast/cluster'

export type RecordedKind = 'Service' | 'EndpointSlice' | 'Node' | 'NodeState' | 'ServiceBGPStatus'

interface Recording {
  readonly objects: Readonly<Record<RecordedKind, KubeObject>>
  readonly protobufBytes: Readonly<Record<'Service' | 'EndpointSlice' | 'Node', number>>
}

const recording = JSON.parse(readFileSync(join(import.meta.dirname, 'recorded.json'), 'utf8')) as Recording

/** An object of each kind as a kube-apiserver holds it: bench/scale/record.ts wrote it. */
export const recorded = recording.objects

/** Octets of one as kube-proxy gets it. */
export const { protobufBytes } = recording

/** Octets of an object as JSON, which is how we ask for it. */
export const bytesOf = (kind: RecordedKind): number => JSON.stringify(recorded[kind]).length

/** Octets of an event of a watch: the object, its type, a line feed. */
export const eventBytes = (kind: RecordedKind): number => bytesOf(kind) + '{"type":"MODIFIED","object":}\n'.length
