/** How much is logged: each level has those before it. */
export type LogLevel = 'none' | 'error' | 'warn' | 'info' | 'debug'

/** Metrics, health and readiness. */
export interface HttpCommand {
  /** Where metrics are served over HTTPS, to those whom the API server lets read them; 0: nowhere. */
  readonly metricsPort: number
  /** Holds tls.crt and tls.key; undefined: a certificate of our own making. */
  readonly metricsCertificates: string | undefined
  readonly tlsMinVersion: 'TLSv1.2' | 'TLSv1.3'
  /** In OpenSSL's names, separated by colons; undefined: Node's own choice. Only for TLS 1.2. */
  readonly tlsCipherSuites: string | undefined
  /** In OpenSSL's names, separated by colons; undefined: Node's own choice. */
  readonly tlsCurves: string | undefined
  /** Where health and readiness are served without TLS; 0: nowhere. */
  readonly healthPort: number
  /** undefined: at every address. */
  readonly healthHost: string | undefined
}

/** What `holdfast controller` and `holdfast speaker` have in common. */
export interface ClusterCommand {
  /** A kubeconfig file; undefined: KUBECONFIG, else the pod's own credentials, else ~/.kube/config. */
  readonly kubeconfig: string | undefined
  /** A context of it; undefined: its current one. */
  readonly context: string | undefined
  /** The namespace of pools, peers and our own objects. */
  readonly namespace: string
  /** The class whose Services are served; undefined: those that name none. */
  readonly loadBalancerClass: string | undefined
  readonly logLevel: LogLevel
  readonly http: HttpCommand
  /** Sentences about options of MetalLB that mean nothing here: told once as warnings. */
  readonly warnings: readonly string[]
}

export interface ControllerCommand extends ClusterCommand {
  /** Name of this replica, for the lease: the pod's name, or the host's. */
  readonly identity: string
  /**
   * What happens to an address that no pool has any more while its Service lives: MetalLB's way is to give another at once;
   * `Hold` keeps it until a person releases it.
   */
  readonly onPoolLoss: 'Reassign' | 'Hold'
}

export interface SpeakerCommand extends ClusterCommand {
  /** Name of the Node object. */
  readonly node: string
  /** Name of the pod, for owner references; undefined outside of one. */
  readonly pod: string | undefined
  readonly ignoreExcludeLB: boolean
  /** Where the last known state is kept; undefined: nowhere. */
  readonly state: string | undefined
  readonly listen:
    { readonly kind: 'default' } | { readonly kind: 'none' } | { readonly kind: 'at'; readonly text: string }
  readonly socket: string | undefined
  readonly record: string | undefined
  /** Of the prefixes announced, the share (0 to 1) whose withdrawal by one list is doubted before it is obeyed. */
  readonly doubtShare: number
  /** kube-proxy's health check; 'auto': http://127.0.0.1:10256/healthz where something listens there; 'none': not asked. */
  readonly kubeProxyHealth: string
  /**
   * Whether a ServiceBGPStatus and an event tell of each Service that the node announces. There is one of each for every node and Service,
   * which is too many for a large cluster.
   */
  readonly serviceStatuses: 'all' | 'none'
  /** Cordoned nodes leave too. */
  readonly drainOnCordon: boolean
  /** A connection without a packet for longer does not keep a node that has left from being safe to reboot. */
  readonly silenceSeconds: number
}
