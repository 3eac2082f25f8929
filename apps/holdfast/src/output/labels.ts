import type { StateName } from '@holdfast/bgp'
import type { FaultEvent } from '../events.ts'

/** The state names as RFC 4271 writes them. */
export const stateLabel: Readonly<Record<StateName, string>> = {
  idle: 'Idle',
  connect: 'Connect',
  active: 'Active',
  openSent: 'OpenSent',
  openConfirm: 'OpenConfirm',
  established: 'Established',
}

/** `file:line:column: Kind namespace/name spec.path = value`, as far as it is known. */
export function faultPlace({
  file,
  line,
  column,
  object,
  path,
  value,
}: Omit<FaultEvent, 'event' | 'code' | 'message' | 'remedy'>): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  if (object === undefined) return place
  const field = path === undefined || path === '' ? '' : ` ${path}`
  return `${place}: ${object}${field}${value === undefined ? '' : ` = ${value}`}`
}
