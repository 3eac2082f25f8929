import type { BfdState } from './types.ts'

/** https://www.iana.org/assignments/service-names-port-numbers: RFC 5881 section 4, RFC 5883 section 5. */
export const bfdPorts = { singleHop: 3784, echo: 3785, multihop: 4784 } as const

/** RFC 5881 section 4: source ports of control packets. */
export const sourcePorts = { first: 49152, last: 65535 } as const

/** RFC 5880 section 4.1, "State (Sta)": the value is the place in the list. */
export const stateNumbers: readonly BfdState[] = ['adminDown', 'down', 'init', 'up']

/** RFC 5880 section 4.1: codes that we set ourselves. */
export const diagnostics = {
  none: 0,
  detectionTimeExpired: 1,
  neighborSignaledDown: 3,
  administrativelyDown: 7,
} as const

/** https://www.iana.org/assignments/bfd-parameters "BFD Diagnostic Codes"; 9 is of RFC 6428. The value is the place. */
const diagnosticNames: readonly string[] = [
  'No Diagnostic',
  'Control Detection Time Expired',
  'Echo Function Failed',
  'Neighbor Signaled Session Down',
  'Forwarding Plane Reset',
  'Path Down',
  'Concatenated Path Down',
  'Administratively Down',
  'Reverse Concatenated Path Down',
  'Mis-Connectivity Defect',
]

/** A diagnostic code (0 to 31) in the registry's words. */
export const diagnosticName = (code: number): string => diagnosticNames[code] ?? `unassigned diagnostic ${code}`
