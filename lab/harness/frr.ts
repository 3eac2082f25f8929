import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { frrDaemons } from './capability.ts'
import { run } from './command.ts'
import { eventually } from './eventually.ts'
import { Json } from './json.ts'
import type { Lab } from './lab.ts'
import type { LabProcess } from './process.ts'

export type Family = 'ipv4' | 'ipv6'

export interface FrrNeighbor {
  readonly address: string
  readonly remoteAsn: number
  /** The families that the session carries. */
  readonly families: readonly Family[]
  /** Passive: FRR waits for the other side to connect. */
  readonly isPassive: boolean
  /** Where FRR connects to, when it does. */
  readonly port?: number
  /** What FRR proposes; the lower of the two sides is in force. */
  readonly holdTimeSeconds: number
}

export interface FrrOptions {
  readonly asn: number
  readonly routerId: string
  readonly neighbors: readonly FrrNeighbor[]
  /** False: bgpd accepts no connection and can only dial. */
  readonly isListening: boolean
}

export interface FrrDaemonOptions {
  readonly configuration: string
  readonly isListening: boolean
  /** Whether bfdd runs too. */
  readonly hasBfd: boolean
  /** Tells it from another FRR of the same lab. */
  readonly name?: string
}

/** What FRR says about one neighbour. Reasons are undefined for as long as no session has ended. */
export interface NeighborView {
  readonly state: string
  readonly connectionsEstablished: number
  readonly connectionsDropped: number
  readonly holdTimeMs: number
  readonly notificationsSent: number
  readonly notificationsReceived: number
  readonly updatesReceived: number
  /** `Cease/Administrative Shutdown` and the like, sent or received. */
  readonly lastNotification: string | undefined
  /** Code and subcode of the last error as four hexadecimal digits. */
  readonly lastErrorCode: string | undefined
  readonly lastReset: string | undefined
}

/** A NOTIFICATION as bgpd logged it, with its code and subcode and their names. */
export interface LoggedNotification {
  readonly direction: 'sent' | 'received'
  readonly codes: string
  readonly reason: string
}

interface PathView {
  readonly nextHop: string
  readonly peer: string
  readonly asPath: string
  readonly origin: string
  readonly communities: string
  readonly largeCommunities: string
  readonly localPref: number | undefined
  /** True where the path is the best one or shares the load with it. */
  readonly isUsed: boolean
}

/** FRR in a namespace: zebra, which fills the kernel's routing table, and bgpd. Both run in the foreground. */
export class FrrRouter {
  readonly #folder: string
  readonly #bgpd: LabProcess

  private constructor(folder: string, bgpd: LabProcess) {
    this.#folder = folder
    this.#bgpd = bgpd
  }

  static start(lab: Lab, namespace: string, options: FrrOptions): Promise<FrrRouter> {
    return FrrRouter.configured(lab, namespace, {
      configuration: configuration(options),
      isListening: options.isListening,
      hasBfd: false,
    })
  }

  /** With a bgpd.conf of one's own. */
  static async configured(lab: Lab, namespace: string, options: FrrDaemonOptions): Promise<FrrRouter> {
    const prefix = options.name === undefined ? '' : `${options.name}-`
    const folder = join(lab.directory, `${prefix}frr`)
    const { uid, gid } = statSync('/etc/frr')
    mkdirSync(folder)
    writeFileSync(join(folder, 'zebra.conf'), 'hostname router\n')
    writeFileSync(join(folder, 'bgpd.conf'), options.configuration)
    writeFileSync(join(folder, 'bfdd.conf'), 'hostname router\n')
    const files = ['zebra.conf', 'bgpd.conf', 'bfdd.conf'].map((file) => join(folder, file))
    for (const path of [folder, ...files]) chownSync(path, uid, gid)

    const daemon = (name: string, ...more: string[]): LabProcess => {
      const place = ['--vty_socket', folder, '-z', join(folder, 'zserv.api'), '-i', join(folder, `${name}.pid`)]
      return lab.start(namespace, `${prefix}${name}`, [
        join(frrDaemons, name),
        '-f',
        join(folder, `${name}.conf`),
        ...place,
        '-P',
        '0',
        '--log',
        'stdout',
        ...more,
      ])
    }
    // Without this zebra changes an IPv6 route by deleting it and adding it again; a packet in between is lost.
    daemon('zebra', '--v6-rr-semantics')
    await exists(join(folder, 'zserv.api'))
    if (options.hasBfd) {
      daemon('bfdd', '--bfdctl', join(folder, 'bfdd.sock'))
      await exists(join(folder, 'bfdd.vty'))
    }
    const bgpd = daemon('bgpd', ...(options.isListening ? [] : ['-p', '0']))
    await exists(join(folder, 'bgpd.vty'))
    return new FrrRouter(folder, bgpd)
  }

  async neighbor(address: string): Promise<NeighborView> {
    const view = (await this.show(`show bgp neighbors ${address} json`)).at(address)
    const messages = view.at('messageStats')
    return {
      state: view.at('bgpState').text(),
      connectionsEstablished: view.at('connectionsEstablished').number(),
      connectionsDropped: view.at('connectionsDropped').number(),
      holdTimeMs: view.at('bgpTimerHoldTimeMsecs').numberOr(0),
      notificationsSent: messages.at('notificationsSent').number(),
      notificationsReceived: messages.at('notificationsRecv').number(),
      updatesReceived: messages.at('updatesRecv').number(),
      lastNotification: view.at('lastNotificationReason').textOr(undefined),
      lastErrorCode: view.at('lastErrorCodeSubcode').textOr(undefined),
      lastReset: view.at('lastResetDueTo').textOr(undefined),
    }
  }

  /**
   * Every NOTIFICATION of the neighbour's connections so far. The neighbour's own counters miss those of a connection
   * that the other side opened and that never became Established.
   */
  notifications(address: string): readonly LoggedNotification[] {
    const pattern = /%NOTIFICATION: (sent|received) (?:to|from) neighbor (\S+) (\d+\/\d+) \((.*?)\) /g
    return [...this.#bgpd.output().matchAll(pattern)]
      .filter(([, , neighbor]) => neighbor === address)
      .map(([, direction, , codes = '', reason = '']) => {
        return { direction: direction === 'sent' ? 'sent' : 'received', codes, reason }
      })
  }

  /** Every path that bgpd has for exactly this prefix, by next hop; empty where it has none. */
  async paths(prefix: string): Promise<readonly PathView[]> {
    const found = await this.show(`show bgp ${familyOf(prefix)} unicast ${prefix} json`)
    return found
      .at('paths')
      .list()
      .map((path) => ({
        nextHop: path.at('nexthops').list()[0]?.at('ip').text() ?? '',
        peer: path.at('peer').at('peerId').text(),
        asPath: path.at('aspath').at('string').text(),
        origin: path.at('origin').text(),
        communities: path.at('community').at('string').textOr(''),
        largeCommunities: path.at('largeCommunity').at('string').textOr(''),
        localPref: path.at('locPrf').numberOr(undefined),
        isUsed: path.at('multipath').isTrue() || !path.at('bestpath').isMissing,
      }))
      .sort((a, b) => a.nextHop.localeCompare(b.nextHop))
  }

  /** The prefixes that bgpd has, sorted. */
  async prefixes(family: Family): Promise<readonly string[]> {
    return [...(await this.show(`show bgp ${family} unicast json`)).at('routes').keys()].sort()
  }

  /** Stops bgpd's execution: its TCP connections stay and the kernel acknowledges for it, but it says nothing. */
  freeze(): void {
    this.#bgpd.signal('SIGSTOP')
  }

  thaw(): void {
    this.#bgpd.signal('SIGCONT')
  }

  /** What a command that prints JSON says; an empty object where there is nothing to say. */
  async show(command: string): Promise<Json> {
    const text = (await this.execute(command)).trim()
    // For a prefix or family without routes some versions print nothing or a sentence instead of an empty object.
    return text.startsWith('{') ? Json.parse(text) : new Json({})
  }

  /** Everything that bgpd has logged. */
  log(): string {
    return this.#bgpd.output()
  }

  /** A command of vtysh, as text. */
  execute(command: string): Promise<string> {
    return run('vtysh', '--vty_socket', this.#folder, '-c', command)
  }
}

export const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4')

const exists = (path: string): Promise<boolean> =>
  eventually(
    `${path} exists`,
    () => existsSync(path),
    (found) => {
      if (!found) throw new Error('the daemon did not make it')
    },
  )

function configuration({ asn, routerId, neighbors }: FrrOptions): string {
  const families = (['ipv4', 'ipv6'] as const).flatMap((family) => [
    ` address-family ${family} unicast`,
    ...neighbors.filter((one) => one.families.includes(family)).map(({ address }) => `  neighbor ${address} activate`),
    '  maximum-paths 16',
    '  maximum-paths ibgp 16',
    ' exit-address-family',
  ])
  return [
    'hostname router',
    `router bgp ${asn}`,
    ` bgp router-id ${routerId}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ' no bgp network import-check',
    ' bgp log-neighbor-changes',
    ...neighbors.flatMap(neighborLines),
    ...families,
    '',
  ].join('\n')
}

function neighborLines({ address, remoteAsn, holdTimeSeconds, isPassive, port }: FrrNeighbor): readonly string[] {
  const keepaliveSeconds = Math.max(1, Math.floor(holdTimeSeconds / 3))
  return [
    ` neighbor ${address} remote-as ${remoteAsn}`,
    ` neighbor ${address} timers ${keepaliveSeconds} ${holdTimeSeconds}`,
    ` neighbor ${address} timers connect 1`,
    ...(isPassive ? [` neighbor ${address} passive`] : []),
    ...(port === undefined ? [] : [` neighbor ${address} port ${port}`]),
  ]
}
