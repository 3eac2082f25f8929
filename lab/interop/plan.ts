/** What a session's routes and its TCP connection are carried by. */
export type Transport = 'IPv4' | 'IPv6' | 'IPv4 over IPv6'
export const transports: readonly Transport[] = ['IPv4', 'IPv6', 'IPv4 over IPv6']

/** Which AS the two sides are in. */
export type Relation = 'eBGP' | 'iBGP'
export const relations: readonly Relation[] = ['eBGP', 'iBGP']

/**
 * Features that exclude each other, or of which the failure of one must not hide another, have sessions of their own.
 * `main` carries the routes, four-octet ASNs, graceful restart, extended messages, refreshes and path identifiers. `probe` is
 * configured like it on the router's side and not on ours: a stranger asks there what the router offers.
 */
export type Purpose = 'main' | 'md5' | 'gtsm' | 'dynamic' | 'collision' | 'bfd' | 'probe'
const purposes: readonly Purpose[] = ['main', 'md5', 'gtsm', 'dynamic', 'collision', 'bfd', 'probe']

/** The columns of the table. */
export const features = [
  'routes',
  '4-octet ASN',
  'MD5',
  'GTSM',
  'graceful restart',
  'routes kept',
  'extended messages',
  'route refresh',
  'add-path',
  'dynamic neighbour',
  'collision',
  'BFD',
] as const
export type Feature = (typeof features)[number]

/** Above 65535, so that no session works without RFC 6793. */
export const routerAsn = 4_200_000_001
export const externalAsn = 4_200_000_002

export const password = 'correct-horse-battery'
export const wrongPassword = 'incorrect-horse'
export const holdTimeSeconds = 9
/** Far apart enough for a busy machine, and a Detection Time far below the hold time. */
export const bfdIntervalMs = 300
export const bfdMultiplier = 3

/** Routes of every session. */
export const vips = { ipv4: ['192.0.2.10', '192.0.2.11'], ipv6: ['2001:db8::10', '2001:db8::11'] } as const
/** Announced to `main` alone, with more communities than fit into 4,096 octets (RFC 8654). */
export const largeVip = { ipv4: '192.0.2.20', ipv6: '2001:db8::20' } as const
export const largeCommunityCount = 400

export interface Session {
  readonly name: string
  readonly transport: Transport
  readonly relation: Relation
  readonly purpose: Purpose
  /** Of the routes that count: those of the transport. */
  readonly family: 'ipv4' | 'ipv6'
  readonly routerAddress: string
  readonly nodeAddress: string
  readonly nodeAsn: number
  /** What the node calls itself on this session. */
  readonly nodeRouterId: string
  /** The network that the two addresses are in. */
  readonly network: string
  readonly subnets: { readonly node: readonly string[]; readonly router: readonly string[] }
}

/** Between the nodes' two possible identifiers on purpose: collisions go either way (RFC 4271 section 6.8). */
export const routerId = '10.128.0.1'

/** Every session is in a network of its own, so that each side can tell them apart by address. */
export const sessions: readonly Session[] = transports.flatMap((transport, t) =>
  relations.flatMap((relation, r) =>
    purposes.map((purpose, p) => session({ transport, relation, purpose }, 1 + t * 20 + r * 10 + p)),
  ),
)

function session(
  { transport, relation, purpose }: Pick<Session, 'transport' | 'relation' | 'purpose'>,
  index: number,
): Session {
  const isOverIpv6 = transport !== 'IPv4'
  const ipv4 = (host: number): string => `10.20.${index}.${host}`
  const ipv6 = (host: number): string => `fd00:20:${index}::${host}`
  const isOursHigher = (relation === 'eBGP') === (transport !== 'IPv6')
  return {
    name: `${transport === 'IPv4 over IPv6' ? 'ipv4-over-ipv6' : transport.toLowerCase()}-${relation.toLowerCase()}-${purpose}`,
    transport,
    relation,
    purpose,
    family: transport === 'IPv6' ? 'ipv6' : 'ipv4',
    routerAddress: isOverIpv6 ? ipv6(1) : ipv4(1),
    nodeAddress: isOverIpv6 ? ipv6(2) : ipv4(2),
    nodeAsn: relation === 'iBGP' ? routerAsn : externalAsn,
    nodeRouterId: `10.${isOursHigher ? 200 : 100}.0.${index}`,
    network: isOverIpv6 ? `fd00:20:${index}::/64` : `10.20.${index}.0/24`,
    subnets: {
      node: isOverIpv6 ? [`${ipv6(2)}/64`] : [`${ipv4(2)}/24`],
      router: isOverIpv6 ? [`${ipv6(1)}/64`] : [`${ipv4(1)}/24`],
    },
  }
}

/** The session of each transport and relation with this purpose. */
export function sessionOf(transport: Transport, relation: Relation, purpose: Purpose): Session {
  const found = sessions.find(
    (one) => one.transport === transport && one.relation === relation && one.purpose === purpose,
  )
  if (found === undefined) throw new Error(`no session ${transport} ${relation} ${purpose}`)
  return found
}
