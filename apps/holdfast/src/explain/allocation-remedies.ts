import type { RefusalReason } from '@holdfast/ipam'

/** What a person can do where an address is refused: docs/reference/allocation-reasons.md has the same. */
export const allocationRemedies: Readonly<Record<RefusalReason, string>> = {
  noClusterIP: 'Nothing: it is tried again when it has one.',
  notEnoughClusterIPs: 'Give it a cluster IP of each family, or another `ipFamilyPolicy`.',
  invalidRequest: 'Correct `metallb.io/loadBalancerIPs` or `spec.loadBalancerIP`; set only one of the two.',
  requestedFamilyMismatch: 'Request one address for each family that it has.',
  notAllowed: 'Request another, or add it to a pool, or correct the one that is refused.',
  buggyAddress: 'Request another, or set `avoidBuggyIPs: false`.',
  requestedPoolsDiffer: 'Request both from one pool.',
  requestedPoolMismatch: 'Correct one of the two annotations.',
  poolNotCompatible: 'Choose another pool, or widen its namespaces or selectors.',
  unknownPool: 'Correct `metallb.io/address-pool`.',
  poolRefused:
    'Correct the pool: its events, its ConfigurationStates and `kubectl holdfast status` say what is wrong with it.',
  noPoolForService: 'Request a pool, or set `autoAssign: true` on one that may serve it.',
  poolLacksFamily: 'Add a range of that family.',
  noAvailableIPs: 'Add addresses, or remove Services.',
  addressReserved: 'Nothing: it is tried again when the address is free, within 20 minutes. Or request another.',
  addressInUse: 'Request another, or give both the same `metallb.io/allow-shared-ip`.',
  sharingKeyMismatch: 'Use its key.',
  backendMismatch: 'Make policy and selector the same.',
  portInUse: 'Use another port, or another address.',
  tooManySharers: 'Request an address of another block, or none; or remove Services that share one there.',
  sharingKeyTooLong: 'Give all that share a key of at most 253 characters.',
  noAdditionalIP: 'Add addresses of that family to the pool.',
}

/** By the reason of condition `holdfast.dev/AddressAssigned`, which is that of the allocation in CamelCase; undefined: there is none. */
export function allocationRemedy(reason: string): string | undefined {
  const key = `${reason.slice(0, 1).toLowerCase()}${reason.slice(1)}`
  return Object.hasOwn(allocationRemedies, key) ? allocationRemedies[key as RefusalReason] : undefined
}
