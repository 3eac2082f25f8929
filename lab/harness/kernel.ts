import { run } from './command.ts'
import { familyOf } from './frr.ts'
import { Json } from './json.ts'

/** The next hops over which the kernel of this namespace spreads a destination, sorted; empty without a route. */
export async function kernelNextHops(namespace: string, destination: string): Promise<readonly string[]> {
  const family = familyOf(destination) === 'ipv6' ? ['-6'] : []
  const text = await run('ip', '-n', namespace, '-j', ...family, 'route', 'show', 'exact', destination, 'proto', 'bgp')
  return Json.parse(text === '' ? '[]' : text)
    .list()
    .flatMap((route) => {
      const several = route.at('nexthops').list()
      return several.length > 0 ? several : [route]
    })
    .map((hop) => hop.at('gateway').text())
    .sort()
}

/** The TCP connections of a namespace in state ESTABLISHED with this port at the other end: `local -> remote`. */
export async function establishedTcp(namespace: string, remotePort: number): Promise<readonly string[]> {
  const filter = ['state', 'established', 'dport', '=', `:${remotePort}`]
  const text = await run('ip', 'netns', 'exec', namespace, 'ss', '-Htn', ...filter)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/).slice(2, 4).join(' -> '))
}
