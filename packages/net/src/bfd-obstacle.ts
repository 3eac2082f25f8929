import { bfdPorts } from '@holdfast/bfd'
import { SystemError } from './bfd-native.ts'
import type { BfdSessionOptions } from './bfd-service.ts'

/** Why a session cannot run, for a person. What is no fault of the system is a fault of ours, and thrown on. */
export function describeObstacle(error: unknown, options: BfdSessionOptions): string {
  if (!(error instanceof SystemError)) throw error
  const port = options.config.isMultihop ? bfdPorts.multihop : bfdPorts.singleHop
  const device = options.device ?? 'of the session'
  const known: Readonly<Record<string, string>> = {
    EADDRINUSE: `UDP port ${port} is in use by another BFD program on this machine`,
    EADDRNOTAVAIL: 'the source address is not on this machine (or not ready yet)',
    ENODEV: `there is no network device ${device}`,
    E2BIG: 'there are more BFD sessions than the filter that protects them can hold',
    ENOMEM: 'the filter that protects the sessions is too large for this machine (net.core.optmem_max)',
    EPERM: 'the system does not allow it (a packet filter, or a missing capability)',
    EACCES: 'the system does not allow it',
    ENETUNREACH: 'this machine has no route to the peer',
    EHOSTUNREACH: 'the peer is not reachable from this machine',
    ENETDOWN: 'the network device is down',
    EINVAL: 'the system refuses it (a link-local peer needs a network device)',
    EMFILE: 'this process has too many open files',
  }
  return known[error.code] ?? error.message
}
