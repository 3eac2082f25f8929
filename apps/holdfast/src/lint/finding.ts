/** How much a finding weighs: it stands in the way of a replacement, something will be otherwise, or it is good to know. */
export type Severity = 'blocks' | 'differs' | 'note'

interface Kind {
  readonly severity: Severity
  /** What it means, as docs/reference/lint.md has it. */
  readonly meaning: string
  /** What a person can do about it; null: nothing need be done. */
  readonly remedy: string | null
}

/**
 * Everything that `holdfast lint` can find: a closed set. A code never changes its meaning. docs/reference/lint.md lists the same,
 * and a test compares them.
 */
export const findingKinds = {
  'invalid-object': {
    severity: 'blocks',
    meaning: 'Holdfast would refuse the object, and do without it.',
    remedy: null,
  },
  'unreadable-file': { severity: 'blocks', meaning: 'A file is no manifest.', remedy: null },
  'not-read': {
    severity: 'blocks',
    meaning: 'What the verdict depends on could not be read.',
    remedy: 'Run it again with credentials that may list these kinds.',
  },
  'nothing-found': {
    severity: 'blocks',
    meaning: 'There are no pools, peers, advertisements or Services of type LoadBalancer, and nothing of MetalLB runs.',
    remedy: 'Name the files that have them; in a cluster the namespace that has them, with --namespace.',
  },
  'l2-only-pool': {
    severity: 'blocks',
    meaning: 'The addresses of a pool are announced by layer 2 alone: nobody would announce them any more.',
    remedy:
      'Add a BGPAdvertisement for the pool, or leave its Services to MetalLB by a loadBalancerClass of their own.',
  },
  'raw-frr-configuration': {
    severity: 'blocks',
    meaning: 'FRR is given configuration in its own words, which nothing here reads.',
    remedy: 'Say the same with a PeerPolicy (docs/reference/peer-policy.md), or do without it, and remove it.',
  },
  'address-changes': {
    severity: 'blocks',
    meaning: 'A Service would not keep the address that its status names.',
    remedy: 'Correct it while MetalLB still runs: extend a pool, or give Services that share an address one key.',
  },
  'two-controllers': {
    severity: 'blocks',
    meaning:
      'MetalLB’s controller and Holdfast’s both give addresses: one may take from a new Service what the other gave it, or give two Services one address.',
    remedy:
      'Scale MetalLB’s to no replicas: docs/operate/migrate-from-metallb.md, step 4. Services that have had their address before keep it.',
  },
  'orphaned-webhook': {
    severity: 'blocks',
    meaning: 'A webhook refuses every change of the configuration, since the controller that answers it is gone.',
    remedy: 'kubectl delete validatingwebhookconfiguration metallb-webhook-configuration',
  },
  'orphaned-conversion': {
    severity: 'blocks',
    meaning: 'BGPPeers of another version cannot be read, since the controller that converts them is gone.',
    remedy: `kubectl patch crd bgppeers.metallb.io --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
  },
  'l2-advertisement': {
    severity: 'differs',
    meaning: 'Layer 2 is not announced: an L2Advertisement is reported and not obeyed.',
    remedy: 'Keep MetalLB for what has to be announced by layer 2, with a loadBalancerClass of its own.',
  },
  'frr-configuration': {
    severity: 'differs',
    meaning: 'FRR has configuration of its own beside what MetalLB writes. Nothing here reads it.',
    remedy:
      'Say with a PeerPolicy what of it is needed. Where FRR is to stay, give it other routers than the BGPPeers: two speakers on a node cannot both have a session with one router.',
  },
  'frr-k8s': {
    severity: 'differs',
    meaning: 'The sessions are held by frr-k8s, which goes on announcing when MetalLB’s speaker is gone.',
    remedy: 'Take frr-k8s off each node together with the speaker: docs/operate/migrate-from-metallb.md.',
  },
  'metrics-renamed': {
    severity: 'differs',
    meaning: 'Metrics that begin with frrk8s_ are called metallb_ again, with the port in the label peer.',
    remedy: 'Adapt boards and alerts of your own: docs/reference/metrics.md.',
  },
  'source-address-takes-effect': {
    severity: 'differs',
    meaning: 'frr-k8s is never told of sourceAddress. Here sessions come from that address.',
    remedy: 'Check that the router expects it and that each node has it; else remove the field.',
  },
  'local-asn-takes-effect': {
    severity: 'differs',
    meaning: 'frr-k8s is never told of localASN. Here the router sees that AS number.',
    remedy: 'Check that the router expects it; else remove the field.',
  },
  'hold-time-default': {
    severity: 'differs',
    meaning: 'Without holdTime and keepaliveTime FRR uses 180 s and 60 s, Holdfast 90 s and 30 s.',
    remedy: 'Set holdTime: 180s to keep it. The shorter one of both sides counts.',
  },
  'hold-time-enforced': {
    severity: 'differs',
    meaning:
      'MetalLB’s native back-end never closes a session that has gone silent; Holdfast does, after the hold time.',
    remedy: null,
  },
  'hold-time-zero': {
    severity: 'differs',
    meaning: 'A time of 0s in a v1beta1 BGPPeer means the default to MetalLB, and no hold timer to Holdfast.',
    remedy: 'Leave the field out.',
  },
  'local-pref-default': {
    severity: 'differs',
    meaning:
      'On iBGP sessions MetalLB’s native back-end sends LOCAL_PREF 0 where localPref is not set, Holdfast 100: while both announce, routers prefer the nodes that have been moved.',
    remedy: 'Set localPref: 100 on these advertisements before anything is moved.',
  },
  'graceful-restart': {
    severity: 'differs',
    meaning:
      'Graceful restart is offered also where enableGracefulRestart is not set: routers that know it keep routes while a speaker restarts.',
    remedy: 'A PeerPolicy with gracefulRestart.mode: Disabled switches it off.',
  },
  'address-added': {
    severity: 'differs',
    meaning: 'A Service would be given an address of its second family.',
    remedy: 'Set ipFamilyPolicy: SingleStack where that is not wanted.',
  },
  'prefer-dual-stack': {
    severity: 'differs',
    meaning: 'MetalLB adds and drops the second address of these Services without end; Holdfast gives them one.',
    remedy: null,
  },
  'other-bgp-speaker': {
    severity: 'differs',
    meaning: 'Another program speaks BGP on the nodes. One that listens on port 179 leaves Holdfast to dial.',
    remedy:
      'Give it other routers than the BGPPeers: two speakers on a node cannot both have a session with one router.',
  },
  'flag-to-keep': {
    severity: 'differs',
    meaning: 'MetalLB was started with an option that Holdfast has to be started with as well.',
    remedy: null,
  },
  'validating-webhook': {
    severity: 'differs',
    meaning: 'Once MetalLB’s controller is gone, its webhook refuses every change of the configuration.',
    remedy: 'When it is gone: kubectl delete validatingwebhookconfiguration metallb-webhook-configuration',
  },
  'conversion-webhook': {
    severity: 'differs',
    meaning: 'Once MetalLB’s controller is gone, nobody converts BGPPeers between their versions.',
    remedy: `When it is gone: kubectl patch crd bgppeers.metallb.io --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
  },
  'crds-of-release': {
    severity: 'differs',
    meaning:
      'The kinds of object belong to a Helm release: uninstalling it deletes them, and every pool and peer with them.',
    remedy: 'Take them out of the release first: docs/operate/migrate-from-metallb.md.',
  },
  'metallb-workload': { severity: 'note', meaning: 'A program of MetalLB runs here.', remedy: null },
  'flag-without-effect': {
    severity: 'note',
    meaning: 'An option of MetalLB means nothing here. It is accepted, with a warning.',
    remedy: null,
  },
  'l2-status': {
    severity: 'note',
    meaning: 'Statuses that MetalLB’s speakers wrote for layer 2. Nobody looks after them once the speakers are gone.',
    remedy: 'Delete them afterwards: kubectl -n metallb-system delete servicel2statuses --all',
  },
  'generated-frr-configuration': {
    severity: 'note',
    meaning:
      'Configuration that MetalLB’s speakers wrote for frr-k8s. It stays when they are gone, and frr-k8s goes on obeying it.',
    remedy: 'Delete these objects, or frr-k8s as a whole, when the node has been moved.',
  },
  'disable-mp': { severity: 'note', meaning: 'disableMP has no effect, as in MetalLB.', remedy: 'Remove the field.' },
  'stored-v1beta1': {
    severity: 'note',
    meaning: 'Some BGPPeers may be stored as v1beta1. Without a conversion they are read with the same fields.',
    remedy: null,
  },
  'deprecated-annotation': {
    severity: 'note',
    meaning: 'Annotations with the prefix metallb.universe.tf/ are read, as MetalLB reads them.',
    remedy: 'Write metallb.io/ instead.',
  },
  'other-class': {
    severity: 'note',
    meaning: 'Services of another loadBalancerClass are left alone, as MetalLB leaves them.',
    remedy: null,
  },
  'waiting-service': {
    severity: 'note',
    meaning: 'A Service without an address would get none from Holdfast either.',
    remedy: null,
  },
  'without-effect': {
    severity: 'note',
    meaning: 'An advertisement names pools, peers or nodes that are not there, or the nodes of a BGPPeer are not.',
    remedy: null,
  },
  'address-assigned': {
    severity: 'note',
    meaning: 'A Service that has no address now would be given one.',
    remedy: null,
  },
} as const satisfies Readonly<Record<string, Kind>>

export type FindingCode = keyof typeof findingKinds

/** One thing that will be otherwise, or is in the way. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** Which it is about, as `Kind NAMESPACE/NAME`; none where it is about the cluster. */
  readonly objects: readonly string[]
  readonly message: string
  readonly remedy: string | null
}

/** A finding; message and remedy are those of its code unless others are given. */
export function finding(
  code: FindingCode,
  objects: readonly string[],
  more: { readonly message?: string; readonly remedy?: string } = {},
): Finding {
  const { severity, meaning, remedy } = findingKinds[code]
  return { code, severity, objects, message: more.message ?? meaning, remedy: more.remedy ?? remedy }
}

/** A finding about several objects; none where there are no objects. */
export const findingAbout = (
  code: FindingCode,
  objects: readonly string[],
  more?: Parameters<typeof finding>[2],
): readonly Finding[] => (objects.length === 0 ? [] : [finding(code, objects, more)])
