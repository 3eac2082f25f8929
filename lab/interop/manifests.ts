import {
  bfdIntervalMs,
  bfdMultiplier,
  externalAsn,
  holdTimeSeconds,
  password,
  routerAsn,
  wrongPassword,
  type Purpose,
  type Session,
} from './plan.ts'

/** `unprotected`: MD5 with a password that the router does not have. `complete`: everything as the router has it. */
export type Stage = 'unprotected' | 'complete'

/** The BGPPeers, BFDProfile and PeerPolicies of these sessions. */
export const peerManifests = (sessions: readonly Session[], stage: Stage): readonly string[] => [
  bfdProfile,
  ...sessions.filter(({ purpose }) => purpose !== 'probe').map((session) => peerManifest(session, stage)),
  ...policies(sessions),
]

function peerManifest(session: Session, stage: Stage): string {
  return `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata:
  name: ${session.name}
  namespace: metallb-system
spec:
  myASN: ${session.relation === 'iBGP' ? routerAsn : externalAsn}
${remoteAsn(session)}
  routerID: ${session.nodeRouterId}
  peerAddress: "${session.routerAddress}"
  holdTime: ${holdTimeSeconds}s
  keepaliveTime: ${holdTimeSeconds / 3}s
  connectTime: 1s
  dualStackAddressFamily: ${session.transport === 'IPv4 over IPv6'}
${session.purpose === 'md5' ? `  password: "${stage === 'complete' ? password : wrongPassword}"` : ''}
${session.purpose === 'bfd' ? '  bfdProfile: quick' : ''}
`
}

const remoteAsn = ({ purpose, relation }: Session): string =>
  purpose === 'dynamic' ? `  dynamicASN: ${relation === 'iBGP' ? 'internal' : 'external'}` : `  peerASN: ${routerAsn}`

const bfdProfile = `
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata:
  name: quick
  namespace: metallb-system
spec:
  receiveInterval: ${bfdIntervalMs}
  transmitInterval: ${bfdIntervalMs}
  detectMultiplier: ${bfdMultiplier}
`

function policies(sessions: readonly Session[]): readonly string[] {
  const policy = (name: string, chosen: readonly Session[], settings: string): readonly string[] =>
    chosen.length === 0
      ? []
      : [
          policyManifest(
            name,
            chosen.map((one) => one.name),
            settings,
          ),
        ]
  const of = (wanted: Purpose): readonly Session[] => sessions.filter(({ purpose }) => purpose === wanted)
  const overIpv6 = sessions.filter(({ transport, purpose }) => transport === 'IPv4 over IPv6' && purpose !== 'probe')
  return [
    ...policy('path-identifiers', of('main'), 'addPath: Send'),
    // The node has an IPv4 address, so that IPv4 routes would otherwise have that as their next hop.
    ...policy('ipv6-next-hops', overIpv6, 'extendedNextHop: Enabled'),
    ...policy('near', of('gtsm'), 'ttlSecurity: { hops: 1 }'),
  ]
}

const policyManifest = (name: string, peers: readonly string[], settings: string): string => `
apiVersion: holdfast.dev/v1alpha1
kind: PeerPolicy
metadata:
  name: ${name}
  namespace: metallb-system
spec:
  peers: ${JSON.stringify(peers)}
  ${settings}
`
