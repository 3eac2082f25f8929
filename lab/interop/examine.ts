import assert from 'node:assert/strict'
import { eventually, throughout, type Patience } from '../harness/eventually.ts'
import type { Cell, Findings, Result } from './cells.ts'
import { awaitDials, dialledBy, holdWords, releaseWords } from './collisions.ts'
import {
  features,
  holdTimeSeconds,
  largeCommunityCount,
  largeVip,
  sessions,
  vips,
  type Feature,
  type Purpose,
  type Session,
} from './plan.ts'
import type { Implementation, Inability, InteropRouter, RouteView, SessionView } from './router.ts'
import { capabilitiesOf, Site } from './site.ts'

const patient: Patience = { timeoutMs: 20_000 }
/** OpenBGPD sleeps for up to a second for each session that is lost, before it answers bgpctl again. */
const veryPatient: Patience = { timeoutMs: 60_000 }
/** Well below the hold time, which would end the session too. */
const beforeHoldTime: Patience = { timeoutMs: (holdTimeSeconds * 1000) / 2 }

/** Runs one implementation beside holdfast and looks at every cell of its table. */
export async function examine(implementation: Implementation): Promise<Findings> {
  const site = await Site.create(sessions.filter((session) => implementation.leavesOut?.(session) !== true))
  try {
    const version = await implementation.version()
    const router = await implementation.start(site)
    const cells = await new Examination(implementation, site, router).run()
    if (cells.some(({ result }) => result.kind === 'red')) site.lab.reportFailure()
    return { implementation: implementation.name, version, notes: implementation.notes ?? [], cells }
  } catch (error) {
    site.lab.reportFailure()
    throw error
  } finally {
    site.lab.close()
  }
}

class Examination {
  readonly #implementation: Implementation
  readonly #site: Site
  readonly #router: InteropRouter
  readonly #cells: Cell[] = []
  /** Names of the sessions on which the router has dialled by itself. */
  #dialled: ReadonlySet<string> = new Set()

  constructor(implementation: Implementation, site: Site, router: InteropRouter) {
    this.#implementation = implementation
    this.#site = site
    this.#router = router
  }

  async run(): Promise<readonly Cell[]> {
    await this.#startWithCollisions()
    const refused = await this.#wrongPassword()
    this.#site.writeManifests('complete')
    await this.#each('routes', 'main', (session) => this.#hasRoutes(session))
    await this.#each('4-octet ASN', 'main', (session) => this.#isFourOctetAs(session))
    const near = await this.#attempts('GTSM', 'gtsm', (session) => this.#hasRoutes(session))
    await this.#site.lowerTtls(this.#of('gtsm'))
    await this.#each('MD5', 'md5', async (session) => {
      assert.ok(refused.has(session.name), 'the router took a session without the right password')
      await this.#hasRoutes(session)
    })
    await this.#each('extended messages', 'main', (session) => this.#hasExtendedMessages(session))
    await this.#each('add-path', 'main', (session) => this.#hasAddPath(session))
    await this.#each('dynamic neighbour', 'dynamic', (session) => this.#hasRoutes(session))
    await this.#each('collision', 'collision', (session) => this.#isResolved(session))
    await this.#each('route refresh', 'main', (session) => this.#refreshes(session))
    await this.#each('BFD', 'bfd', (session) => this.#isWatched(session))
    await this.#each('GTSM', 'gtsm', (session) => this.#isFar(session), near)
    await this.#each('graceful restart', 'main', async (session) => {
      assert.equal((await this.#router.session(session)).isGracefulRestart, true)
    })
    await this.#killAndRestart()
    const order = (cell: Cell): number => features.indexOf(cell.feature)
    return this.#cells.toSorted((a, b) => order(a) - order(b))
  }

  /** Holdfast's first start. */
  async #startWithCollisions(): Promise<void> {
    const collisions = this.#of('collision')
    await holdWords(this.#site, collisions)
    this.#site.writeManifests('unprotected')
    this.#site.start()
    this.#dialled = await awaitDials(this.#site, collisions)
    await releaseWords(this.#site)
  }

  /** The sessions that the router does not have while our side has the wrong password, once its kernel has seen that. */
  async #wrongPassword(): Promise<ReadonlySet<string>> {
    // A session that fails here is told of with the cell of its routes.
    for (const session of this.#of('main')) await this.#established(session).catch(() => undefined)
    const counters = ['TCPMD5Failure', 'TCPMD5NotFound', 'TCPMD5Unexpected']
    const read = async (): Promise<number> => {
      const counts = await Promise.all(counters.map(async (name) => (await this.#site.counter(name)).router))
      return counts.reduce((sum, one) => sum + one, 0)
    }
    await eventually('the router drops bad signatures', read, (count) => assert.ok(count > 0)).catch(() => undefined)
    const refused = new Set<string>()
    if ((await read()) === 0) return refused
    for (const session of this.#of('md5')) {
      if (!(await this.#router.session(session)).isEstablished) refused.add(session.name)
    }
    return refused
  }

  /** What comes from us is now one hop further away than it may be: the router hears nothing any more. */
  async #isFar(session: Session): Promise<void> {
    const isGone = ({ isEstablished }: SessionView): void => assert.ok(!isEstablished)
    await eventually('the router gives the session up', () => this.#router.session(session), isGone, patient)
    const drops = async (): Promise<number> => (await this.#site.counter('TCPMinTTLDrop')).router
    assert.ok((await drops()) > 0, "the router's kernel dropped nothing for its TTL")
  }

  async #hasRoutes(session: Session): Promise<void> {
    await this.#established(session)
    const expected = vips[session.family].map((address) => ({
      address,
      nextHop: session.nodeAddress,
      asPath: session.relation === 'eBGP' ? String(session.nodeAsn) : '',
    }))
    await eventually(
      `the router has the routes of ${session.name}`,
      () => this.#router.routes(session),
      (routes) => {
        const found = vipRoutes(routes, session).map(({ address, nextHop, asPath }) => ({ address, nextHop, asPath }))
        assert.deepEqual(found, expected)
      },
    )
  }

  async #isFourOctetAs(session: Session): Promise<void> {
    const view = await this.#router.session(session)
    assert.deepEqual([view.isFourOctetAs, view.remoteAsn], [true, session.nodeAsn])
  }

  async #hasExtendedMessages(session: Session): Promise<void> {
    assert.equal((await this.#router.session(session)).isExtendedMessage, true)
    await eventually(
      'the router has the route that needs a message of more than 4,096 octets',
      () => this.#router.routes(session),
      (routes) => {
        const large = routes.find(({ address }) => address === largeVip[session.family])
        assert.equal(large?.largeCommunities, largeCommunityCount)
      },
    )
  }

  async #hasAddPath(session: Session): Promise<void> {
    assert.equal((await this.#router.session(session)).isAddPath, true)
    const routes = vipRoutes(await this.#router.routes(session), session)
    assert.equal(routes.length, vips[session.family].length)
    // BIRD reads identifiers and does not show them; without them it could not make sense of the prefixes.
    const shown = routes.map(({ pathId }) => pathId).filter((id) => id !== undefined)
    assert.ok(shown.every((id) => id > 0) && (shown.length === routes.length || shown.length === 0), shown.join())
  }

  /**
   * RFC 4271 section 6.8. Which connection is left is for the order of the messages to decide as well as for the BGP
   * Identifiers: one that is Established before the other's OPEN comes stays in any case.
   */
  async #isResolved(session: Session): Promise<void> {
    assert.ok(this.#dialled.has(session.name), 'the router did not dial')
    await this.#hasRoutes(session)
    const connections = (): Promise<readonly string[]> => dialledBy(this.#site, session)
    const isOne = (left: readonly string[]): void => assert.equal(left.length, 1)
    await eventually('one connection is left', connections, isOne)
    const read = (): Promise<SessionView> => this.#router.session(session)
    const { establishments } = await read()
    const isSame = (now: SessionView): void => {
      assert.deepEqual([now.isEstablished, now.establishments], [true, establishments])
    }
    await throughout('the session stays', read, isSame, { timeoutMs: 300 })
  }

  async #refreshes(session: Session): Promise<void> {
    const routes = await this.#router.routes(session)
    const before = await this.#router.received(session)
    await this.#router.refresh(session)
    await eventually(
      'the router has got all routes again',
      () => this.#router.received(session),
      (now) => assert.ok(now >= before + routes.length, `${now - before} of ${routes.length}`),
    )
    await this.#hasRoutes(session)
  }

  /** The node's end goes away without a word on any connection: only BFD can tell before the hold time. */
  async #isWatched(session: Session): Promise<void> {
    await this.#hasRoutes(session)
    const read = (): Promise<SessionView> => this.#router.session(session)
    await eventually('BFD is up', read, ({ bfd }) => assert.match(bfd ?? '', /^up$/i))
    await this.#site.cut(session)
    await eventually(
      'BFD ends the session',
      read,
      ({ isEstablished, lastDown }) => {
        assert.ok(!isEstablished)
        assert.match(lastDown ?? '', /BFD/)
      },
      beforeHoldTime,
    )
  }

  /** kill -9: what the router has it keeps, marked as stale, until the node has come back and said everything again. */
  async #killAndRestart(): Promise<void> {
    const { holdfast } = this.#site
    holdfast.signal('SIGKILL')
    await holdfast.exited
    const kept = await this.#attempts('routes kept', 'main', (session) => this.#keepsRoutes(session))
    this.#site.start()
    await this.#each('routes kept', 'main', (session) => this.#takesOver(session), kept)
  }

  async #keepsRoutes(session: Session): Promise<void> {
    const isLost = ({ isEstablished }: SessionView): void => assert.ok(!isEstablished)
    await eventually('the session is lost', () => this.#router.session(session), isLost, veryPatient)
    const routes = vipRoutes(await this.#router.routes(session), session)
    assert.deepEqual(
      routes.map(({ isStale }) => isStale),
      [true, true],
    )
  }

  async #takesOver(session: Session): Promise<void> {
    await eventually(
      'the session is back',
      () => this.#router.session(session),
      (view) => {
        assert.ok(view.isEstablished)
        assert.notEqual(view.isGracefulRestart, false)
        assert.notEqual(view.hasPeerRestarted, false)
        assert.notEqual(view.isEndOfRibReceived, false)
      },
      patient,
    )
    await eventually(
      'no route is stale',
      () => this.#router.routes(session),
      (routes) =>
        assert.deepEqual(
          vipRoutes(routes, session).map(({ isStale }) => isStale),
          [false, false],
        ),
    )
  }

  async #established(session: Session): Promise<void> {
    const isUp = ({ isEstablished }: SessionView): void => assert.ok(isEstablished)
    await eventually(`${session.name} is Established`, () => this.#router.session(session), isUp, patient)
  }

  /** Fills one column: `check` throws where the cell is red, and so does what came of the first half of it. */
  async #each(
    feature: Feature,
    purpose: Purpose,
    check: (session: Session) => Promise<void>,
    first: ReadonlyMap<Session, Result> = new Map(),
  ): Promise<void> {
    for (const session of sessions.filter((one) => one.purpose === purpose)) {
      const { transport, relation } = session
      const inability = this.#implementation.cannot(feature, session)
      const result =
        inability === undefined
          ? await both(first.get(session), () => check(session))
          : await this.#verify(inability, session)
      this.#cells.push({ implementation: this.#implementation.name, transport, relation, feature, result })
    }
  }

  async #attempts(
    feature: Feature,
    purpose: Purpose,
    check: (session: Session) => Promise<void>,
  ): Promise<ReadonlyMap<Session, Result>> {
    const results = new Map<Session, Result>()
    for (const session of this.#of(purpose)) {
      if (this.#implementation.cannot(feature, session) !== undefined) continue
      results.set(session, await attempt(() => check(session)))
    }
    return results
  }

  async #verify({ reason, verify }: Inability, session: Session): Promise<Result> {
    const offers = (): Promise<ReadonlySet<number>> => capabilitiesOf(this.#site, session)
    const seen = await attempt(() => verify({ site: this.#site, router: this.#router, session, offers }))
    return seen.kind === 'red' ? seen : { kind: 'cannot', why: reason }
  }

  #of(purpose: Purpose): readonly Session[] {
    return this.#site.sessions.filter((session) => session.purpose === purpose)
  }
}

const both = async (first: Result | undefined, then: () => Promise<void>): Promise<Result> =>
  first?.kind === 'red' ? first : attempt(then)

async function attempt(check: () => Promise<void>): Promise<Result> {
  try {
    await check()
    return { kind: 'green' }
  } catch (error) {
    return { kind: 'red', why: error instanceof Error ? error.message : String(error) }
  }
}

const vipRoutes = (routes: readonly RouteView[], { family }: Session): readonly RouteView[] =>
  vips[family].flatMap((address) => routes.filter((route) => route.address === address))
