import { formatAddress } from '@holdfast/ip'
import type { BGPPeer } from './types.ts'

/**
 * What tells one session of a node from another: remote end, port, source address and VRF. MetalLB's FRR modes look at
 * the remote end and the VRF alone; one engine for all lets a node have a session from each of its addresses.
 */
export function sessionName({ peerAddress, interface: device, peerPort, sourceAddress, vrf }: BGPPeer): string {
  const remote = peerAddress === undefined ? `interface ${device ?? ''}` : formatAddress(peerAddress)
  const source = sourceAddress === undefined ? '' : ` from ${formatAddress(sourceAddress)}`
  return `${remote} port ${peerPort}${source}${vrf === undefined ? '' : ` in VRF ${vrf}`}`
}
