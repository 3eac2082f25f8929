import { keepalive, messageType, notification, routeRefresh } from './bytes.ts'
import { attackerPort, openOf, speaker, type Slot } from './scene.ts'
import { Answerer, dial, type Received, type ScriptedPeer } from './scripted-peer.ts'

/** Opens TCP with the program, whoever dials, and waits for its OPEN. */
export class Door {
  readonly slot: Slot
  #answerer: Answerer | undefined

  constructor(slot: Slot) {
    this.slot = slot
  }

  async open(): Promise<ScriptedPeer> {
    const { address, scene } = this.slot
    if (!scene.isDialled) return dial({ from: address, to: speaker[scene.family], port: speaker.port })
    this.#answerer ??= await Answerer.listen(address, attackerPort)
    return this.#answerer.accept()
  }

  get arrivals(): readonly number[] {
    return this.#answerer?.arrivals ?? []
  }

  close(): void {
    this.#answerer?.close()
  }
}

/** The OPEN of the attacker, and the KEEPALIVE of the program that says it was accepted. */
export async function toOpenConfirm(peer: ScriptedPeer, openHex: string): Promise<void> {
  peer.send(openHex)
  const answer = await peer.until(() => peer.message(messageType.keepalive)?.type ?? ending(peer))
  if (answer !== messageType.keepalive) throw new Error(`the OPEN was not accepted: ${String(answer)}`)
}

/** Brings a session up and waits until the program's routes are there. */
export async function establish(peer: ScriptedPeer, slot: Slot, openHex = openOf(slot)): Promise<void> {
  await toOpenConfirm(peer, openHex)
  peer.send(keepalive)
  peer.keepAlive()
  const problem = await untilRoutes(peer)
  if (problem !== undefined) throw new Error(problem)
}

/** Waits for the routes of both families; resolves with why they did not come. */
export async function untilRoutes(peer: ScriptedPeer): Promise<string | undefined> {
  const up = await peer.until(() => (routesOf(peer.received).size >= expectedRoutes ? 'up' : ending(peer)))
  return up === 'up' ? undefined : `the routes did not come: ${up ?? `only ${said(peer)} within the time`}`
}

/** Everything that came, in short. */
const said = ({ received }: ScriptedPeer): string => {
  const last = Math.round(performance.now() - (received.at(-1)?.atMs ?? 0))
  return `messages of types ${received.map(({ type }) => type).join(' ')}, the last ${last} ms ago, routes ${[...routesOf(received)].join(' ')}`
}

/** How the connection ended, in words; undefined: it has not. */
export function ending(peer: ScriptedPeer): string | undefined {
  const said = peer.notification
  if (said !== undefined)
    return `NOTIFICATION ${said.body[0] ?? 0}/${said.body[1] ?? 0} ${said.body.toString('hex', 2)}`
  return peer.closed === undefined ? undefined : `closed without a NOTIFICATION (${peer.closed.how})`
}

/** IPv4 and IPv6 addresses of the two Services. */
const expectedRoutes = 4

/** The routes that UPDATEs announce, as hexadecimal NLRI: what is withdrawn is named so. */
function routesOf(messages: readonly Received[]): ReadonlySet<string> {
  const routes = new Set<string>()
  for (const { type, body } of messages) if (type === messageType.update) readUpdate(body, routes)
  return routes
}

/** All routes here are host routes, so that every NLRI has 5 or 17 octets. */
function readUpdate(body: Buffer, routes: Set<string>): void {
  const withdrawn = body.readUInt16BE(0)
  const attributes = body.readUInt16BE(2 + withdrawn)
  collect(body.subarray(2, 2 + withdrawn), 'withdrawn ', routes)
  collect(body.subarray(4 + withdrawn + attributes), '', routes)
  let at = 4 + withdrawn
  const end = at + attributes
  while (at < end) {
    const isExtended = ((body[at] ?? 0) & 0x10) !== 0
    const length = isExtended ? body.readUInt16BE(at + 2) : (body[at + 2] ?? 0)
    const start = at + (isExtended ? 4 : 3)
    const value = body.subarray(start, start + length)
    if (body[at + 1] === 14) collect(value.subarray(5 + (value[3] ?? 0)), '', routes)
    if (body[at + 1] === 15) collect(value.subarray(3), 'withdrawn ', routes)
    at = start + length
  }
}

function collect(nlri: Buffer, how: string, routes: Set<string>): void {
  let at = 0
  while (at < nlri.length) {
    const size = 1 + (((nlri[at] ?? 0) + 7) >>> 3)
    routes.add(how + nlri.toString('hex', at, at + size))
    at += size
  }
}

/**
 * Proves that a session is up and has read everything sent so far: a ROUTE-REFRESH of each family is answered with the
 * same routes as before. Returns what is wrong.
 */
export async function probe(peer: ScriptedPeer, timeoutMs = 6000): Promise<string | undefined> {
  const before = routesOf(peer.received)
  const from = peer.received.length
  peer.send(routeRefresh(1, 1) + routeRefresh(2, 1))
  const answer = await peer.until(
    () => (routesOf(peer.received.slice(from)).size >= expectedRoutes ? 'answered' : ending(peer)),
    timeoutMs,
  )
  if (answer !== 'answered') return answer ?? `a ROUTE-REFRESH was not answered within ${timeoutMs} ms`
  const after = routesOf(peer.received.slice(from))
  const isSame = after.size === before.size && [...after].every((route) => before.has(route))
  return isSame ? undefined : `the routes changed from ${[...before].join(' ')} to ${[...after].join(' ')}`
}

/** Ends a session so that the next one is welcome at once. */
export async function leave(peer: ScriptedPeer): Promise<void> {
  peer.end(notification(6, 2))
  await peer.until(() => peer.closed, 2000)
  peer.destroy()
}
