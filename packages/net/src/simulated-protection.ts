import type { SocketOptions, TcpAo } from './transport.ts'

/** What Linux sends with where nothing else is said. */
const SYSTEM_TTL = 64

/** Whether packets of a host with these options get to one with those; hosts are one hop apart, where no TTL is lowered. */
export function reaches(sender: SocketOptions, receiver: SocketOptions): boolean {
  return (
    hasTtlFor(sender.ttl, receiver) &&
    sender.md5Password === receiver.md5Password &&
    isAcceptedBy(receiver.tcpAo, sender.tcpAo)
  )
}

export const hasTtlFor = (ttl: number | undefined, { minimumTtl }: SocketOptions): boolean =>
  (ttl ?? SYSTEM_TTL) >= (minimumTtl ?? 0)

/** RFC 5925 section 3.1: what is sent with a key arrives where the receiver has that key with its IDs the other way round. */
function isAcceptedBy(receiver: TcpAo | undefined, sender: TcpAo | undefined): boolean {
  const key = sender?.keys[0]
  if (key === undefined || receiver === undefined) return sender === receiver
  return receiver.keys.some(
    (other) =>
      other.receiveId === key.sendId &&
      other.sendId === key.receiveId &&
      other.algorithm === key.algorithm &&
      other.secret === key.secret,
  )
}
