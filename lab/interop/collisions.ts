import { run } from '../harness/command.ts'
import { eventually } from '../harness/eventually.ts'
import { Json } from '../harness/json.ts'
import type { Session } from './plan.ts'
import type { Site } from './site.ts'

/**
 * Makes both connections of these sessions exist before either side has said a word on one: TCP's handshake passes, and
 * what carries data is dropped until `releaseWords`. TCP then sends it again, on both connections at about the same time.
 * A router that allows itself one connection at a time gives one of them up before.
 */
export async function holdWords(site: Site, sessions: readonly Session[]): Promise<void> {
  const of = (isIpv6: boolean): readonly string[] =>
    sessions.map(({ routerAddress }) => routerAddress).filter((address) => address.includes(':') === isIpv6)
  const words = (side: 'saddr' | 'daddr'): readonly string[] =>
    (
      [
        ['ip', of(false)],
        ['ip6', of(true)],
      ] as const
    )
      .filter(([, addresses]) => addresses.length > 0)
      .map(([family, addresses]) => `${family} ${side} { ${addresses.join(', ')} } tcp flags & psh == psh drop`)
  const dials = ['add @dials4 { ip saddr }', 'add @dials6 { ip6 saddr }']
  const first = (
    [
      ['ip', of(false)],
      ['ip6', of(true)],
    ] as const
  )
    .filter(([, addresses]) => addresses.length > 0)
    .map(([family, addresses]) => `${family} daddr { ${addresses.join(', ')} } ${dial} drop`)
  const lines = [
    // What we dial waits for the router to have dialled: some do not once they have a connection.
    'table inet dials {',
    'chain output {',
    'type filter hook output priority 0;',
    ...first,
    '}',
    '}',
    'table inet words {',
    'set dials4 { type ipv4_addr; flags dynamic; }',
    'set dials6 { type ipv6_addr; flags dynamic; }',
    'chain input {',
    'type filter hook input priority 0;',
    ...dials.map((add) => `${dial} ${add}`),
    ...words('saddr'),
    '}',
    'chain output {',
    'type filter hook output priority 0;',
    ...words('daddr'),
    '}',
    '}',
  ]
  await inNode(site, 'nft', `${lines.join('\n')}\n`)
}

const dial = 'tcp flags & (syn | ack) == syn'

export const releaseWords = (site: Site): Promise<string> => inNode(site, 'nft', 'delete table inet words')

/** The addresses from which the router has dialled since `holdWords`. */
async function dialsOf(site: Site): Promise<ReadonlySet<string>> {
  const sets = await Promise.all(
    ['dials4', 'dials6'].map((name) => inNode(site, 'nft', '-j', 'list', 'set', 'inet', 'words', name)),
  )
  const elements = sets.flatMap((text) =>
    Json.parse(text)
      .at('nftables')
      .list()
      .flatMap((one) => one.at('set').at('elem').list()),
  )
  return new Set(elements.map((element) => element.text()))
}

const inNode = (site: Site, program: string, ...args: readonly string[]): Promise<string> =>
  run('ip', 'netns', 'exec', site.node, program, ...args)

/** Which side dialled each TCP connection of a session that is open now. */
export async function dialledBy(site: Site, session: Session): Promise<readonly ('node' | 'router')[]> {
  const address = session.routerAddress.includes(':') ? `[${session.routerAddress}]` : session.routerAddress
  const text = await inNode(site, 'ss', '-Htn', 'state', 'established', 'dst', address)
  const ends = text.split('\n').filter((line) => line !== '')
  return ends.map((line) => (/:179\s*$/.test(line) ? 'node' : 'router'))
}

/**
 * Waits until the router has dialled on every session, and a while for both connections of each to stand. Returns the names
 * of those on which it has.
 */
export async function awaitDials(site: Site, sessions: readonly Session[]): Promise<ReadonlySet<string>> {
  const collided = new Set<string>()
  const byRouter = new Set<string>()
  const look = async (): Promise<void> => {
    const dials = await dialsOf(site)
    for (const { name, routerAddress } of sessions) if (dials.has(routerAddress)) byRouter.add(name)
    for (const session of sessions.filter(({ name }) => !collided.has(name))) {
      if (new Set(await dialledBy(site, session)).size === 2) collided.add(session.name)
    }
  }
  const areAll = (found: ReadonlySet<string>) => (): void => {
    if (found.size < sessions.length) throw new Error(`${found.size} of ${sessions.length} so far`)
  }
  // Who is missing shows in the cells.
  await eventually('the router has dialled', look, areAll(byRouter), { timeoutMs: 15_000 }).catch(() => undefined)
  await inNode(site, 'nft', 'delete table inet dials')
  await eventually('both connections stand', look, areAll(collided), { timeoutMs: 3000 }).catch(() => undefined)
  return byRouter
}
