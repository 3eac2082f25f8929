import type { KubeObject } from '@holdfast/cluster'
import type { AddressBlockSpec, HeldAddress, ReservedAddress } from '@holdfast/ipam'
import { addressBlockCidr, addressBlockName, addressesOfBlock } from '@holdfast/ipam'
import type { Address } from '@holdfast/ip'
import { formatAddress, parseAddress } from '@holdfast/ip'
import { holdersAt } from './block-step.ts'
import type { KnownBlock } from './known-blocks.ts'
import type { Memory, Round } from './round.ts'
import type { ServiceView } from './service-object.ts'
import { ingressOf, poolAnnotation } from './service-object.ts'
import type { Given } from './set-aside.ts'
import { merged } from './set-aside.ts'

/**
 * What a block is to reserve once it says `spec`: what other leaderships set aside as long as that counts, and the addresses that its
 * pools give next.
 */
export function reservedFor(
  { memory: { aside }, planned }: Round,
  { name, reserved }: Pick<KnownBlock, 'name' | 'reserved'>,
  spec: AddressBlockSpec | undefined,
): readonly ReservedAddress[] {
  const isFree = (address: string): boolean => holdersAt(spec, address).length === 0
  const kept = reserved.filter(
    (mark) => aside.isBinding(mark) || (aside.isOwn(mark) && aside.isSpent(mark.address) && isFree(mark.address)),
  )
  const leadership = aside.own()
  // A block that says nothing else is not kept for the sake of what it could give.
  if (leadership === undefined || spec === undefined) return kept
  const isKept = (address: string): boolean => kept.some((mark) => mark.address === address)
  const next = [...planned.plan.next.values()]
    .flat()
    .filter((address) => addressBlockName(address) === name)
    .map(formatAddress)
    .filter((address) => isFree(address) && !isKept(address))
  return [...kept, ...next.map((address) => ({ address, leadership }))]
}

/** Marks of another leadership, by which an address is for nobody who has not got it. */
export const bindingMarks = ({ blocks, aside }: Pick<Memory, 'blocks' | 'aside'>): readonly ReservedAddress[] =>
  [...blocks.all()].flatMap(({ reserved }) => reserved.filter(aside.isBinding))

/** The addresses of these marks: the same list as long as they are the same. */
export function createBoundAddresses(): (marks: readonly ReservedAddress[]) => readonly Address[] {
  let known = ''
  let addresses: readonly Address[] = []
  return (marks) => {
    const texts = marks.map(({ address }) => address).sort()
    if (texts.join() === known) return addresses
    known = texts.join()
    addresses = texts.flatMap((text) => {
      const parsed = parseAddress(text)
      return parsed.ok ? [parsed.value] : []
    })
    return addresses
  }
}

/** Names of blocks with marks that count for nothing any more. */
export const blocksWithVoidMarks = ({ blocks, aside, faulty }: Memory): readonly string[] =>
  [...blocks.all()]
    .filter(
      ({ name, reserved }) =>
        !faulty.has(name) && reserved.some((mark) => !aside.isOwn(mark) && !aside.isBinding(mark)),
    )
    .map(({ name }) => name)

/**
 * What blocks say, with those to whom an address was given by a status alone: by this leadership, or by another one, whose mark at the address
 * says that it was its to give. By block.
 */
export function grantedSpecs(
  { blocks, aside }: Pick<Memory, 'blocks' | 'aside'>,
  services: ReadonlyMap<string, ServiceView>,
): ReadonlyMap<string, AddressBlockSpec> {
  const named = Map.groupBy(namedMarks(blocks, services), ({ block }) => block)
  const specs = [...blocks.all()].flatMap(({ name, spec }) => {
    const all = merged(aside.withSpent(name, spec), named.get(name) ?? [])
    return all === undefined ? [] : [[name, all] as const]
  })
  return new Map(specs)
}

/** What statuses name of what is set aside and has no holder. */
function namedMarks(blocks: Memory['blocks'], services: ReadonlyMap<string, ServiceView>): readonly Given[] {
  const marked = new Map<string, string>()
  for (const { name, spec, reserved } of blocks.all()) {
    for (const { address } of reserved) if (holdersAt(spec, address).length === 0) marked.set(address, name)
  }
  if (marked.size === 0) return []
  return [...services.values()].flatMap(({ object, uid }) =>
    ingressOf(object).flatMap((address) => {
      const block = marked.get(address)
      return block === undefined ? [] : [{ block, entry: claimed(address, object, uid) }]
    }),
  )
}

function claimed(address: string, { metadata }: KubeObject, uid: string): HeldAddress {
  const pool = metadata.annotations?.[poolAnnotation] ?? ''
  return { address, pool, holders: [{ namespace: metadata.namespace ?? '', name: metadata.name, uid }] }
}

/** A block that says nothing. */
export function emptyBlock(name: string): AddressBlockSpec | undefined {
  const [first] = addressesOfBlock(name)
  return first === undefined ? undefined : { cidr: addressBlockCidr(first), inUse: 0, addresses: [], released: [] }
}
