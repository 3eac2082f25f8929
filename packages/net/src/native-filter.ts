import { endianness } from 'node:os'

/** Operations of classic BPF (linux/filter.h), each with its operand. */
export type Instruction = readonly [code: number, jumpIfTrue: number, jumpIfFalse: number, operand: number]

/** Where the IP header begins, whatever the socket sees of a packet: SKF_NET_OFF. */
const IP_HEADER = 0xfff0_0000

/** Loads an octet of the IP header. */
export const loadByte = (at: number): Instruction => [0x30, 0, 0, IP_HEADER + at]
/** Loads four octets of the IP header. */
export const loadWord = (at: number): Instruction => [0x20, 0, 0, IP_HEADER + at]
export const shiftRight = (bits: number): Instruction => [0x74, 0, 0, bits]
/** Goes on where the value is equal, else over the next `skip`. */
export const unlessEqualSkip = (value: number, skip: number): Instruction => [0x15, 0, skip, value]
export const unlessAtLeastSkip = (value: number, skip: number): Instruction => [0x35, 0, skip, value]
export const skip = (count: number): Instruction => [0x05, 0, 0, count]
export const take: Instruction = [0x06, 0, 0, 0xffff_ffff]
export const drop: Instruction = [0x06, 0, 0, 0]

/** The instructions as an array of struct sock_filter. */
export function assemble(instructions: readonly Instruction[]): Uint8Array {
  const isLittle = endianness() === 'LE'
  const bytes = new Uint8Array(instructions.length * 8)
  const view = new DataView(bytes.buffer)
  for (const [index, [code, jumpIfTrue, jumpIfFalse, operand]] of instructions.entries()) {
    view.setUint16(index * 8, code, isLittle)
    bytes.set([jumpIfTrue, jumpIfFalse], index * 8 + 2)
    view.setUint32(index * 8 + 4, operand, isLittle)
  }
  return bytes
}
