import type { Session } from '@holdfast/bfd'
import { addressKey, parseAddress, type Address } from '@holdfast/ip'
import type { Alarm, Clock } from '@holdfast/runtime'
import { PacketBudget } from './bfd-budget.ts'
import type { FilterRule } from './bfd-filter.ts'
import { SystemError } from './bfd-native.ts'
import type { BfdSessionOptions } from './bfd-service.ts'
import type { BfdPort, BfdReceiver, BfdSockets, Source } from './bfd-socket.ts'

/** What a session must be to be found by a packet. */
interface Member {
  readonly options: BfdSessionOptions
  readonly session: Session
  readonly deviceIndex: number
}

/** A datagram, and the session that it is addressed to. */
export interface Received<Entry> {
  readonly entry: Entry
  readonly port: BfdPort
  readonly bytes: Uint8Array
  readonly source: Source
  readonly reflect: BfdReceiver['reflect']
}

/** So many packets in `windowMs` that prove nothing are a flood, and only proven ones are let in for `strictMs`. */
const mostUnprovenPackets = 200
const windowMs = 100
const strictMs = 1000

const singleHopTtl = 255

/** A session that floods us is not let in for so long: a Detection Time of three packets at 50 ms outlasts it. */
const muteMs = 50

/**
 * The receiving sockets, one for each port and family that a session needs: their filters in the kernel, and which session
 * a packet is for (RFC 5880 section 6.3).
 */
export class BfdReceivers<Entry extends Member> {
  readonly #clock: Clock
  readonly #sockets: BfdSockets
  readonly #receive: (received: Received<Entry>) => void
  readonly #shared = new Map<string, Shared<Entry>>()

  constructor(
    { clock, sockets }: { readonly clock: Clock; readonly sockets: BfdSockets },
    receive: (received: Received<Entry>) => void,
  ) {
    this.#clock = clock
    this.#sockets = sockets
    this.#receive = receive
  }

  /** Lets in what the session needs now, and no more. Throws a `SystemError`: then nothing of it comes in. */
  update(entry: Entry): void {
    if (entry.options.device !== undefined && entry.deviceIndex === 0) {
      this.remove(entry)
      throw new SystemError('if_nametoindex', 'ENODEV')
    }
    try {
      for (const port of ['singleHop', 'multihop', 'echo'] as const) {
        if (needs(entry, port)) this.#add(entry, port)
        else this.#leave(entry, port)
      }
    } catch (error) {
      this.remove(entry)
      throw error
    }
  }

  remove(entry: Entry): void {
    for (const port of ['singleHop', 'multihop', 'echo'] as const) this.#leave(entry, port)
  }

  /** What the kernel dropped at the port of this session, whoever it was meant for. */
  droppedCount(entry: Entry): number {
    return this.#controlOf(entry)?.receiver.droppedCount() ?? 0
  }

  /** Packets of this session that were beyond its budget when they were read; the kernel drops most before that. */
  tooManyCount(entry: Entry): number {
    return this.#controlOf(entry)?.members.get(entry)?.refusedCount ?? 0
  }

  /** A packet for this session was dropped by it. */
  countUnwanted(entry: Entry): void {
    const shared = this.#controlOf(entry)
    if (shared !== undefined) this.#countUnproven(shared)
  }

  /** The socket of its control packets. */
  #controlOf(entry: Entry): Shared<Entry> | undefined {
    return this.#shared.get(keyOf(entry, entry.options.config.isMultihop ? 'multihop' : 'singleHop'))
  }

  #add(entry: Entry, port: BfdPort): void {
    const key = keyOf(entry, port)
    const shared = this.#shared.get(key) ?? this.#open(key, entry, port)
    if (!shared.members.has(entry)) shared.members.set(entry, new PacketBudget(this.#clock.now()))
    this.#applyRules(shared)
  }

  #leave(entry: Entry, port: BfdPort): void {
    const key = keyOf(entry, port)
    const shared = this.#shared.get(key)
    if (shared?.members.delete(entry) !== true) return
    shared.muted.delete(entry)
    if (shared.members.size > 0) {
      this.#applyRules(shared)
      return
    }
    shared.strict?.cancel()
    shared.unmute?.cancel()
    shared.receiver.close()
    this.#shared.delete(key)
  }

  #open(key: string, { options }: Entry, port: BfdPort): Shared<Entry> {
    const { family } = options.remote
    const receiver = this.#sockets.openReceiver(port, family, (bytes, source) => this.#sort(shared, bytes, source))
    const shared: Shared<Entry> = {
      port,
      receiver,
      members: new Map(),
      muted: new Set(),
      unmute: undefined,
      strict: undefined,
      windowStartMs: 0,
      unprovenCount: 0,
    }
    this.#shared.set(key, shared)
    return shared
  }

  #applyRules({ receiver, members, muted, port, strict }: Shared<Entry>): void {
    const heard = [...members.keys()].filter((entry) => !muted.has(entry))
    receiver.setRules(
      heard.map((entry) => ruleOf(entry, port)),
      strict !== undefined,
    )
  }

  #sort(shared: Shared<Entry>, bytes: Uint8Array, source: Source): void {
    const { port, receiver } = shared
    const discriminator = yourDiscriminator(bytes)
    const proven = port === 'echo' ? undefined : findByDiscriminator(shared, discriminator)
    const entry = proven ?? findBySource(shared, source)
    const isUnproven = proven === undefined && port !== 'echo'
    if (isUnproven) this.#countUnproven(shared)
    if (entry === undefined || !(isUnproven || this.#admit(shared, entry))) return
    this.#receive({ entry, port, bytes, source, reflect: receiver.reflect })
  }

  /**
   * Takes no more packets of one session than it can need. They prove themselves, but the room in the socket is that of all
   * sessions: what is beyond the budget has to be dropped in the kernel.
   */
  #admit(shared: Shared<Entry>, entry: Entry): boolean {
    const budget = shared.members.get(entry)
    if (budget === undefined) return false
    if (shared.muted.has(entry)) {
      // It was waiting already when the filter was closed.
      budget.refuse()
      return false
    }
    if (budget.take(this.#clock.now(), agreedInterval(entry, shared.port))) return true
    shared.muted.add(entry)
    this.#tryRules(shared)
    shared.unmute ??= this.#clock.after(muteMs, () => this.#unmute(shared))
    return false
  }

  #unmute(shared: Shared<Entry>): void {
    shared.muted.clear()
    shared.unmute = this.#tryRules(shared) ? undefined : this.#clock.after(muteMs, () => this.#unmute(shared))
  }

  /** False: the kernel has no room for the filter just now, and the one before stays in force. */
  #tryRules(shared: Shared<Entry>): boolean {
    try {
      this.#applyRules(shared)
      return true
    } catch (error) {
      if (error instanceof SystemError) return false
      throw error
    }
  }

  /**
   * A packet without our discriminator proves nothing: its sender need never have heard from us. Sessions need one a second;
   * when they flood us, the kernel lets only those through that have the discriminator of a session.
   */
  #countUnproven(shared: Shared<Entry>): void {
    const nowMs = this.#clock.now()
    if (nowMs - shared.windowStartMs > windowMs) {
      shared.windowStartMs = nowMs
      shared.unprovenCount = 0
    }
    shared.unprovenCount += 1
    if (shared.unprovenCount <= mostUnprovenPackets || shared.strict !== undefined) return
    shared.strict = this.#clock.after(strictMs, () => {
      shared.strict = undefined
      this.#applyRules(shared)
    })
    this.#applyRules(shared)
  }
}

interface Shared<Entry> {
  readonly port: BfdPort
  readonly receiver: BfdReceiver
  readonly members: Map<Entry, PacketBudget>
  /** Those that nothing is let in for, until `unmute` rings. */
  readonly muted: Set<Entry>
  unmute: Alarm | undefined
  /** Runs while only proven packets are let in. */
  strict: Alarm | undefined
  windowStartMs: number
  unprovenCount: number
}

const needs = ({ options: { config }, session }: Member, port: BfdPort): boolean => {
  switch (port) {
    case 'singleHop':
      return !config.isMultihop
    case 'multihop':
      return config.isMultihop
    case 'echo':
      return session.config.echoReceiveIntervalMs !== undefined
  }
}

/** How often the peer may send, by what we advertise. */
const agreedInterval = ({ session: { config } }: Member, port: BfdPort): number =>
  port === 'echo' ? (config.echoReceiveIntervalMs ?? config.receiveIntervalMs) : config.receiveIntervalMs

const keyOf = ({ options }: Member, port: BfdPort): string => `${port} ${options.remote.family}`

const ruleOf = ({ options, session, deviceIndex }: Member, port: BfdPort): FilterRule => ({
  remote: options.remote,
  discriminator: session.localDiscriminator,
  minimumTtl: port === 'multihop' ? options.config.minimumTtl : singleHopTtl,
  deviceIndex: options.device === undefined ? undefined : deviceIndex,
})

/** 0 also where there is none. */
function yourDiscriminator(bytes: Uint8Array): number {
  return bytes.length < 12 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(8)
}

function findByDiscriminator<Entry extends Member>(shared: Shared<Entry>, discriminator: number): Entry | undefined {
  if (discriminator === 0) return undefined
  for (const entry of shared.members.keys()) if (entry.session.localDiscriminator === discriminator) return entry
  return undefined
}

/** RFC 5881 section 3: by the remote system, the interface and the protocol. */
function findBySource<Entry extends Member>(shared: Shared<Entry>, source: Source): Entry | undefined {
  const address = addressOf(source)
  if (address === undefined) return undefined
  const key = addressKey(address)
  for (const entry of shared.members.keys()) {
    const { remote, device } = entry.options
    const isDevice = device === undefined || source.device === undefined || device === source.device
    if (isDevice && addressKey(remote) === key) return entry
  }
  return undefined
}

function addressOf({ address }: Source): Address | undefined {
  const parsed = parseAddress(address)
  return parsed.ok ? parsed.value : undefined
}
