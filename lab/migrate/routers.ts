import type { Fabric } from '../harness/fabric.ts'
import { FrrRouter } from '../harness/frr.ts'
import type { Json } from '../harness/json.ts'
import { recordRoutes, type RouteRecord } from './route-record.ts'

export const nodeAsn = 64500
export const routerAsn = 64512
/** Of all nodes' sessions with the router of the fabric, eBGP. */
export const torPassword = 'tor-secret'
/** Of the sessions with the second router, iBGP. */
export const corePassword = 'core-secret'

/** A path as bgpd has it, without what differs from node to node. */
export interface PathAttributes {
  readonly origin: string
  readonly asPath: string
  readonly med: number | undefined
  readonly localPref: number | undefined
  readonly communities: string
}

export interface Path extends PathAttributes {
  readonly nextHop: string
  /** Part of what is forwarded by. */
  readonly isUsed: boolean
}

/** FRR that listens with a password for each node, and everything that its kernel told of its routes. */
export interface RecordingRouter {
  readonly frr: FrrRouter
  readonly routes: RouteRecord
  /** All paths of IPv4, by prefix, sorted by next hop. */
  readonly table: () => Promise<ReadonlyMap<string, readonly Path[]>>
}

export interface RouterOptions {
  readonly name: string
  /** Of the fabric. */
  readonly namespace: string
  readonly asn: number
  readonly routerId: string
  readonly password: string
}

export async function startRouter(
  fabric: Fabric,
  nodes: readonly string[],
  options: RouterOptions,
): Promise<RecordingRouter> {
  const { lab } = fabric
  const { name, namespace } = options
  const routes = recordRoutes(lab, namespace, name)
  const addresses = nodes.map((node) => fabric.node(node).ipv4)
  const configuration = configurationOf(addresses, options)
  const frr = await FrrRouter.configured(lab, namespace, { name, configuration, isListening: true, hasBfd: false })
  await frr.execute('configure terminal\nno zebra nexthop kernel enable')
  return { frr, routes, table: async () => tableIn(await frr.show('show bgp ipv4 unicast json detail')) }
}

const configurationOf = (neighbors: readonly string[], { asn, routerId, password }: RouterOptions): string =>
  [
    'hostname router',
    'log timestamp precision 3',
    `router bgp ${asn}`,
    ` bgp router-id ${routerId}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' bgp log-neighbor-changes',
    ...neighbors.flatMap((address) => [
      ` neighbor ${address} remote-as ${nodeAsn}`,
      ` neighbor ${address} password ${password}`,
      ` neighbor ${address} passive`,
    ]),
    ' address-family ipv4 unicast',
    ...neighbors.map((address) => `  neighbor ${address} activate`),
    '  maximum-paths 16',
    '  maximum-paths ibgp 16',
    ' exit-address-family',
    '',
  ].join('\n')

function tableIn(shown: Json): ReadonlyMap<string, readonly Path[]> {
  const routes = shown.at('routes')
  return new Map(
    routes.keys().map((prefix) => {
      // The first element is about the prefix itself.
      const paths = routes.at(prefix).list().slice(1).map(pathIn)
      return [prefix, paths.sort((a, b) => a.nextHop.localeCompare(b.nextHop))]
    }),
  )
}

const pathIn = (path: Json): Path => ({
  nextHop: path.at('nexthops').list()[0]?.at('ip').text() ?? '',
  isUsed: path.at('multipath').isTrue() || !path.at('bestpath').isMissing,
  origin: path.at('origin').text(),
  asPath: path.at('aspath').at('string').text(),
  med: path.at('metric').numberOr(undefined),
  localPref: path.at('locPrf').numberOr(undefined),
  communities: path.at('community').at('string').textOr(''),
})
