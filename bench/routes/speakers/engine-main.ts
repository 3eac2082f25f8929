// Holdfast's session machine and TCP driver with COUNT routes given from the start, without manifests.
// Usage: engine-main.ts PORT COUNT
import { hostPrefix, ipv4, parseAddress, type Address } from '@holdfast/ip'
import { plainSession, type Route, type RouteAttributes } from '@holdfast/bgp'
import { createPeerDriver, createTcpTransport, listenForPeers, rehearseSessions } from '@holdfast/net'
import { systemClock } from '@holdfast/runtime'
import { plan } from '../plan.ts'

const [port = '', count = ''] = process.argv.slice(2)

const addressFrom = (text: string): Address => {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${text} is not an address`)
  return parsed.value
}

const attributes: RouteAttributes = {
  origin: 'igp',
  localPref: undefined,
  med: undefined,
  communities: [plan.communityHigh * 65_536 + plan.communityLow],
  largeCommunities: [],
  extendedCommunities: [],
  prepend: 0,
  nextHop: undefined,
}
const routes = Array.from({ length: Number(count) }, (_, index): Route => ({
  prefix: hostPrefix(ipv4(plan.firstAddress + index)),
  attributes,
}))

const transport = createTcpTransport()
const clock = systemClock()
const speaker = addressFrom(plan.speakerAddress)
const driver = createPeerDriver({
  config: {
    localAsn: plan.speakerAsn,
    remoteAsn: plan.collectorAsn,
    routerId: 0x7f000001,
    ...plainSession,
    connectRetrySeconds: 30,
    isPassive: true,
    families: ['ipv4'],
  },
  remote: { address: addressFrom(plan.collectorAddress), port: 179 },
  local: undefined,
  socket: undefined,
  isRestarting: false,
  record: undefined,
  transport,
  clock,
  observe: () => undefined,
})
driver.setRoutes(routes)
driver.start()
const at = { address: speaker, port: Number(port) }
const listening = await listenForPeers({ transport, clock, at, match: () => driver, observe: () => undefined })
if (listening.kind === 'failed') throw new Error(listening.fault.message)
// As `holdfast standalone` does where no router comes at once.
await rehearseSessions({ transport, clock, rounds: 6 })
