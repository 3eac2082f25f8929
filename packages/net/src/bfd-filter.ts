import { addressToBytes, type Address, type Family } from '@holdfast/ip'

/** What may come in for one session. */
export interface FilterRule {
  readonly remote: Address
  /** Local discriminator. */
  readonly discriminator: number
  /** 255 for a single hop: RFC 5881 section 5. */
  readonly minimumTtl: number
  /** Index of the device that it must come in by; undefined: any. */
  readonly deviceIndex: number | undefined
}

/** No more instructions fit into one program of the kernel (BPF_MAXINSNS). */
const mostInstructions = 4096

/** Opcodes of classic BPF: linux/filter.h. */
const op = { loadWord: 0x20, loadByte: 0x30, equal: 0x15, atLeast: 0x35, return: 0x06 } as const

/** SKF_NET_OFF: offsets from here count from the IP header; those from 0 count from the UDP header. */
const network = -0x100000 >>> 0

/** SKF_AD_OFF + SKF_AD_IFINDEX. */
const deviceOfPacket = (-0x1000 + 8) >>> 0

const headers = {
  ipv4: { ttl: network + 8, source: network + 12 },
  ipv6: { ttl: network + 7, source: network + 8 },
} as const

/** Your Discriminator, behind the UDP header. */
const yourDiscriminator = 8 + 8

const pass = 0xffffffff
const drop = 0

interface Instruction {
  readonly code: number
  readonly value: number
  /** How many instructions to skip where the comparison holds, and where it does not. */
  readonly ifTrue?: number
  readonly ifFalse?: number
}

/** Lets nothing in: for a socket that only sends, and for one whose rules are not known yet. */
export const closedFilter = (): Uint8Array => assemble([{ code: op.return, value: drop }])

/**
 * The program that decides in the kernel, before a packet costs us anything, what a socket receives: packets with a
 * sufficient TTL, and of these such as have a session's discriminator or, unless `isStrict`, come from a session's peer. A load
 * beyond the end of a packet drops it. undefined: the rules are too many for one program.
 */
export function filterProgram(family: Family, rules: readonly FilterRule[], isStrict: boolean): Uint8Array | undefined {
  const program: Instruction[] = []
  for (const rule of isStrict ? [] : rules) program.push(...guarded(comesFrom(rule.remote), family, rule))
  for (const rule of rules) {
    program.push(...guarded([[{ code: op.loadWord, value: yourDiscriminator }, rule.discriminator]], family, rule))
  }
  program.push({ code: op.return, value: drop })
  return program.length > mostInstructions ? undefined : assemble(program)
}

/** Something to load, and what it must be. */
type Condition = readonly [load: Instruction, value: number]

function comesFrom(remote: Address): readonly Condition[] {
  const bytes = addressToBytes(remote)
  const view = new DataView(bytes.buffer)
  return Array.from({ length: bytes.length / 4 }, (_, index) => [
    { code: op.loadWord, value: headers[remote.family].source + 4 * index },
    view.getUint32(4 * index),
  ])
}

/** Passes the packet where all conditions hold and device and TTL are right; otherwise goes on behind. */
function guarded(conditions: readonly Condition[], family: Family, rule: FilterRule): readonly Instruction[] {
  const { deviceIndex, minimumTtl } = rule
  const device: readonly Condition[] =
    deviceIndex === undefined ? [] : [[{ code: op.loadWord, value: deviceOfPacket }, deviceIndex]]
  const all = [...conditions, ...device]
  const instructions: Instruction[] = []
  const length = 2 * all.length + 3
  for (const [load, value] of all) {
    instructions.push(load, { code: op.equal, value, ifFalse: length - instructions.length - 2 })
  }
  instructions.push({ code: op.loadByte, value: headers[family].ttl })
  instructions.push({ code: op.atLeast, value: minimumTtl, ifFalse: 1 })
  instructions.push({ code: op.return, value: pass })
  return instructions
}

/** struct sock_filter: code (16 bits), jumps (8 bits each), value (32 bits). */
function assemble(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * program.length))
  program.forEach(({ code, value, ifTrue = 0, ifFalse = 0 }, index) => {
    view.setUint16(8 * index, code, true)
    view.setUint8(8 * index + 2, ifTrue)
    view.setUint8(8 * index + 3, ifFalse)
    view.setUint32(8 * index + 4, value, true)
  })
  return new Uint8Array(view.buffer)
}
