import type { Address, Parsed } from '@holdfast/ip'
import { formatAddress, formatRange, parseAddress, parseRange } from '@holdfast/ip'
import { keptTerms } from './terms.ts'
import type { AllocationState, Assignment, Placed, Released } from './types.ts'
import { isOfNamesake } from './want.ts'

/** A state as JSON. Entries are in a fixed order, so equal states give equal texts. */
export interface EncodedState {
  readonly version: 1
  readonly assignments: readonly {
    readonly service: string
    readonly addresses: readonly { readonly address: string; readonly pool: string }[]
    /** Left out for claims. */
    readonly terms?: string
  }[]
  /** The longest unused first. */
  readonly released: readonly { readonly address: string; readonly service: string }[]
  /** `first-last` */
  readonly longAgo: readonly string[]
}

/** An entry that could not be read, and was left out. */
export interface StateFault {
  /** Such as `assignments[3].addresses[0].address`. */
  readonly path: string
  readonly message: string
}

/** Nothing held, nothing remembered. */
export const emptyState: AllocationState = { assignments: new Map(), history: { released: [], longAgo: [] } }

/** What somebody else says that a Service holds, such as its status. */
export interface Claim {
  readonly service: string
  /** As in ServiceRequest. */
  readonly uid?: string
  readonly addresses: readonly Address[]
  /** The pool that they are said to be from; empty or left out: unknown. */
  readonly pool?: string
}

/**
 * Adds claims of Services that the state says nothing of, or only what another one of the same name held: that is given back.
 * A plan grants a claim unless a recorded assignment stands against it.
 */
export function withClaims(state: AllocationState, claims: readonly Claim[]): AllocationState {
  const assignments = new Map(state.assignments)
  const released = [...state.history.released]
  for (const { addresses, pool = '', ...holder } of claims) {
    const known = assignments.get(holder.service)
    if (addresses.length === 0 || (known !== undefined && !isOfNamesake(known, holder.uid))) continue
    for (const { address } of known?.addresses ?? []) released.push({ address, service: holder.service })
    const placed = addresses.map((address) => ({ address, pool }))
    assignments.set(holder.service, { ...holder, addresses: placed, terms: undefined })
  }
  return { assignments, history: { ...state.history, released } }
}

/** The state as a value that `JSON.stringify` keeps whole. */
export function encodeState(state: AllocationState): EncodedState {
  const assignments = [...state.assignments.values()].sort((a, b) => (a.service < b.service ? -1 : 1))
  return {
    version: 1,
    assignments: assignments.map(({ service, addresses, terms }) => ({
      service,
      addresses: addresses.map(({ address, pool }) => ({ address: formatAddress(address), pool })),
      ...(terms === undefined ? {} : { terms }),
    })),
    released: state.history.released.map(({ address, service }) => ({ address: formatAddress(address), service })),
    longAgo: state.history.longAgo.map(formatRange),
  }
}

/** Reads what `encodeState` wrote. What cannot be read is left out and reported, entry by entry; it never throws. */
export function decodeState(value: unknown): {
  readonly state: AllocationState
  readonly faults: readonly StateFault[]
} {
  const reader = new Reader()
  const root = reader.record(value, '')
  if (root !== undefined && root['version'] !== 1) {
    reader.fault('version', `is ${describe(root['version'])}: only version 1 can be read`)
    return { state: emptyState, faults: reader.faults }
  }
  const assignments = new Map<string, Assignment>()
  for (const [path, item] of reader.list(root?.['assignments'], 'assignments')) {
    const assignment = readAssignment(reader, item, path)
    if (assignment === undefined) continue
    if (assignments.has(assignment.service)) reader.fault(path, `is the second entry for Service ${assignment.service}`)
    else assignments.set(assignment.service, assignment)
  }
  const released = reader
    .list(root?.['released'], 'released')
    .flatMap(([path, item]) => readReleased(reader, item, path) ?? [])
  const longAgo = reader
    .list(root?.['longAgo'], 'longAgo')
    .flatMap(([path, item]) => reader.parsed(item, path, parseRange) ?? [])
  return { state: { assignments, history: { released, longAgo } }, faults: reader.faults }
}

function readAssignment(reader: Reader, value: unknown, path: string): Assignment | undefined {
  const record = reader.record(value, path)
  if (record === undefined) return undefined
  const service = reader.text(record['service'], `${path}.service`)
  const terms = record['terms'] === undefined ? undefined : reader.text(record['terms'], `${path}.terms`)
  const addresses = reader
    .list(record['addresses'], `${path}.addresses`)
    .flatMap(([itemPath, item]) => readPlaced(reader, item, itemPath) ?? [])
  if (Array.isArray(record['addresses']) && record['addresses'].length === 0) {
    reader.fault(`${path}.addresses`, 'holds no address')
  }
  const kept = terms === undefined ? undefined : keptTerms(terms)
  return service === undefined || addresses.length === 0 ? undefined : { service, addresses, terms: kept }
}

function readPlaced(reader: Reader, value: unknown, path: string): Placed | undefined {
  const record = reader.record(value, path)
  if (record === undefined) return undefined
  const address = reader.parsed(record['address'], `${path}.address`, parseAddress)
  const pool = reader.text(record['pool'], `${path}.pool`)
  return address === undefined || pool === undefined ? undefined : { address, pool }
}

function readReleased(reader: Reader, value: unknown, path: string): Released | undefined {
  const record = reader.record(value, path)
  if (record === undefined) return undefined
  const address = reader.parsed(record['address'], `${path}.address`, parseAddress)
  const service = reader.text(record['service'], `${path}.service`)
  return address === undefined || service === undefined ? undefined : { address, service }
}

/** Takes values apart and keeps the faults that it meets. */
class Reader {
  readonly faults: StateFault[] = []

  fault(path: string, message: string): void {
    this.faults.push({ path, message })
  }

  record(value: unknown, path: string): Readonly<Record<string, unknown>> | undefined {
    if (isRecord(value)) return value
    this.fault(path, `is ${describe(value)}: an object is needed`)
    return undefined
  }

  /** The items with their paths; none, and a fault, where it is not a list. */
  list(value: unknown, path: string): readonly (readonly [string, unknown])[] {
    if (Array.isArray(value)) return value.map((item: unknown, index) => [`${path}[${index}]`, item] as const)
    this.fault(path, `is ${describe(value)}: a list is needed`)
    return []
  }

  text(value: unknown, path: string): string | undefined {
    if (typeof value === 'string') return value
    this.fault(path, `is ${describe(value)}: a text is needed`)
    return undefined
  }

  parsed<T>(value: unknown, path: string, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.text(value, path)
    if (text === undefined) return undefined
    const result = parse(text)
    if (result.ok) return result.value
    this.fault(path, `${JSON.stringify(text)} ${result.fault.message}`)
    return undefined
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
}
