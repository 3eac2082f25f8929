import type { Address } from '@holdfast/ip'
import { equalAddresses, formatAddress } from '@holdfast/ip'
import type { Decision, Plan } from '@holdfast/ipam'
import { emptyState } from '@holdfast/ipam'
import type { Model, Service } from '@holdfast/model'
import { allocatedByStatus } from '../allocation/allocated-by-status.ts'
import { Allocation } from '../allocation/allocation.ts'
import { createHoldings } from '../allocation/hold.ts'
import { refusedPools } from '../allocation/refused-pools.ts'
import { isOurs } from '../allocation/requests.ts'
import { allocationRemedies } from '../explain/allocation-remedies.ts'
import type { Finding } from './finding.ts'
import { finding, findingAbout } from './finding.ts'
import type { World } from './world.ts'
import { objectText } from './world.ts'

/** What becomes of the Services' addresses: Holdfast's own allocator is asked, with the statuses as they are. */
export function serviceFindings(world: World): readonly Finding[] {
  const { evaluation, loadBalancerClass, isLive, objects } = world
  const { model } = evaluation
  const allocation = new Allocation(emptyState, { loadBalancerClass, source: isLive ? 'apiServer' : 'manifests' })
  const services = [...model.services.values()].filter(({ type }) => type === 'LoadBalancer')
  const { plan, oldPrefix } = allocation.run(withHeld(model, services), refusedPools(model, objects))
  const ours = services.filter((service) => isOurs(service, loadBalancerClass))
  return [
    // A manifest has no status as a rule: nothing can be said of its address.
    ...ours.filter(({ ingress }) => isLive || ingress.length > 0).flatMap((service) => addressFinding(service, plan)),
    ...findingAbout('prefer-dual-stack', ours.filter((service) => isRestless(service, model)).map(textOf)),
    ...findingAbout('other-class', services.filter((service) => !ours.includes(service)).map(textOf)),
    ...findingAbout('deprecated-annotation', ours.filter((service) => oldPrefix.has(keyOf(service))).map(textOf)),
  ]
}

/** Where Holdfast runs: with the addresses that its controller holds over. */
const withHeld = (model: Model, services: readonly Service[]): Model =>
  createHoldings()(model, services.map(allocatedByStatus))

function addressFinding(service: Service, plan: Plan): readonly Finding[] {
  const decision = plan.decisions.get(keyOf(service))
  if (decision === undefined) return []
  return service.ingress.length === 0 ? waitingFinding(service, decision) : heldFinding(service, decision, plan)
}

function waitingFinding(service: Service, decision: Decision): readonly Finding[] {
  if (decision.kind !== 'refused') {
    return [finding('address-assigned', [textOf(service)], { message: `would be given ${addressesOf(decision)}` })]
  }
  const { message, reason } = decision
  return [finding('waiting-service', [textOf(service)], { message, remedy: allocationRemedies[reason] })]
}

function heldFinding(service: Service, decision: Decision, plan: Plan): readonly Finding[] {
  const addresses = decision.kind === 'assigned' ? decision.addresses.map(({ address }) => address) : []
  const isKept = service.ingress.every((held) => addresses.some((address) => equalAddresses(address, held)))
  if (isKept && addresses.length === service.ingress.length) return []
  if (isKept) {
    const message = `would be given ${addressesOf(decision)}, and has ${listed(service.ingress)}`
    return [finding('address-added', [textOf(service)], { message })]
  }
  const outcome = decision.kind === 'assigned' ? `would move to ${addressesOf(decision)}` : 'would have no address'
  const why = whyLost(service, plan) ?? (decision.kind === 'refused' ? decision.message : undefined)
  const message = `has ${listed(service.ingress)} and ${outcome}${why === undefined ? '' : `: ${why}`}`
  return [finding('address-changes', [textOf(service)], { message })]
}

function whyLost(service: Service, { changes }: Plan): string | undefined {
  const key = keyOf(service)
  for (const change of changes) if (change.kind === 'cleared' && change.service === key) return change.message
  return undefined
}

/** Both families preferred, one cluster IP, and an address of a pool that has both. */
function isRestless({ ipFamilyPolicy, clusterIPs, ingress, meta }: Service, { pools }: Model): boolean {
  if (ipFamilyPolicy !== 'PreferDualStack' || clusterIPs.length !== 1 || ingress.length === 0) return false
  const name = meta.annotations['metallb.io/ip-allocated-from-pool']
  const pool = [...pools.values()].find((one) => one.meta.ref.name === name)
  return new Set(pool?.ranges.map(({ first }) => first.family)).size === 2
}

const addressesOf = (decision: Decision): string =>
  decision.kind === 'assigned' ? listed(decision.addresses.map(({ address }) => address)) : 'none'

const listed = (addresses: readonly Address[]): string => addresses.map(formatAddress).join(' and ')

const keyOf = ({ meta }: Service): string => `${meta.ref.namespace}/${meta.ref.name}`

const textOf = ({ meta }: Service): string => objectText('Service', meta.ref.namespace, meta.ref.name)
