import { equalAddresses } from '@holdfast/ip'
import type { BGPPeer, Model } from '@holdfast/model'
import type { Endpoint, Transport } from '@holdfast/net'
import { formatEndpoint } from '@holdfast/net'
import type { Clock } from '@holdfast/runtime'
import type { Report } from '../events.ts'
import type { Router } from '../router/router.ts'
import { startRouter } from '../router/router.ts'
import { StartUpError } from '../start-up-error.ts'

/** Starts the built-in router as the peer that the manifests describe: its AS is what their BGPPeers expect there. */
export async function startEmbeddedRouter(
  listen: Endpoint,
  model: Model,
  surroundings: { readonly transport: Transport; readonly clock: Clock; readonly report: Report },
): Promise<Router> {
  const start = await startRouter({ listen, asn: expectedAsn(listen, model), ...surroundings })
  if (start.kind === 'running') return start.router
  throw new StartUpError(
    `the built-in router cannot listen on ${formatEndpoint(listen)}: ${start.message}`,
    'End what uses the port, or choose another with --router and in the BGPPeers.',
  )
}

function expectedAsn(listen: Endpoint, model: Model): number {
  const peers = [...model.peers.values()].filter((peer) => pointsAt(peer, listen))
  const asns = [
    ...new Set(
      peers.map(({ peerASN, dynamicASN, myASN }) => peerASN ?? (dynamicASN === 'internal' ? myASN : undefined)),
    ),
  ]
  const [asn] = asns
  if (asns.length === 1 && asn !== undefined) return asn
  const at = formatEndpoint(listen)
  throw peers.length === 0
    ? new StartUpError(
        `no BGPPeer has the peerAddress and peerPort ${at}, so the AS of the built-in router is not known`,
        'Give --router the address that the BGPPeers have, or run "holdfast router" with an AS of its own.',
      )
    : new StartUpError(
        `the BGPPeers with the address ${at} do not agree on one peerASN (${asns.map((one) => one ?? 'external').join(', ')})`,
        'Give them the same peerASN, or run "holdfast router" with an AS of its own.',
      )
}

const pointsAt = ({ peerAddress, peerPort }: BGPPeer, { address, port }: Endpoint): boolean =>
  peerAddress !== undefined && equalAddresses(peerAddress, address) && peerPort === port
