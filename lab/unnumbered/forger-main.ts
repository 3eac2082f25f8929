// Sends a router advertisement every 100 ms with the hop limit that is given; each SIGUSR1 takes the next one.
// Usage: forger-main.ts DEVICE HOPLIMIT…
import { networkInterfaces } from 'node:os'
import { int32, socketAddress6 } from '../../packages/net/src/native-layout.ts'
import { LINUX, nativeSockets } from '../../packages/net/src/native-sockets.ts'
import { advertisement } from '../../packages/net/src/unnumbered-message.ts'
import { ALL_NODES } from '../../packages/net/src/unnumbered-socket.ts'

const [device = '', ...hopLimits] = process.argv.slice(2)
const loaded = nativeSockets()
if (loaded.kind === 'missing') throw new Error(loaded.fault.message)
const { native } = loaded
const opened = native.open(LINUX.AF_INET6, LINUX.SOCK_RAW, LINUX.IPPROTO_ICMPV6)
if (opened.kind === 'failed') throw new Error(opened.code)
const own = networkInterfaces()[device]?.find(({ address }) => address.startsWith('fe80'))
const scope = own?.scopeid ?? 0

const descriptor = opened.value

function next(): void {
  const value = int32(Number(hopLimits.shift()))
  native.setOption(descriptor, { level: LINUX.IPPROTO_IPV6, name: LINUX.IPV6_MULTICAST_HOPS, value })
}

next()
process.on('SIGUSR1', next)
let sent = 0
setInterval(() => {
  native.send(descriptor, advertisement(Uint8Array.of(2, 0, 0, 0, 0, 1)), socketAddress6(ALL_NODES, scope))
  sent += 1
  process.stdout.write(`${JSON.stringify({ sent })}\n`)
}, 100)
