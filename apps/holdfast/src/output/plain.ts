import type {
  AnnouncedEvent,
  Event,
  FaultEvent,
  NeighborEvent,
  RouteEvent,
  SessionEvent,
  SessionTerms,
  StartedEvent,
} from '../events.ts'
import { faultPlace, stateLabel } from './labels.ts'

/** One line (a fault: two) for a person who reads a log: no colours, no time stamps that the log adds anyway. */
export function plainLine(event: Event): string {
  switch (event.event) {
    case 'started':
      return started(event)
    case 'listening':
      return event.outcome === 'listening'
        ? `${event.purpose} listens on ${event.address}${event.asn === undefined ? '' : ` as AS ${event.asn}`}`
        : `${event.purpose} does not listen on ${event.address}: ${event.message ?? ''}`
    case 'session':
      return session(event)
    case 'bfd':
      return `BFD ${event.node} -> ${event.peer} (${event.remote}): ${event.to}: ${event.message}`
    case 'neighbor':
      return neighbor(event)
    case 'service':
      return `service ${event.service}: ${event.reason}: ${event.message}`
    case 'announced':
      return announced(event)
    case 'withheld':
      return `${event.node} does not announce ${event.service}${inBrackets(event.address)}: ${event.reason}: ${event.message}`
    case 'route':
      return route(event)
    case 'fault':
      return fault(event)
    case 'faultCleared':
      return `mended: ${faultPlace(event)} (${event.code})`
    case 'notInForce':
      return `not in force: ${placeOf(event)}: ${event.reason}`
    case 'notInForceCleared':
      return `${placeOf(event)}, which was not in force, is gone`
    case 'unsent':
      return `${event.node} cannot send to ${event.peer}: ${event.message}`
    case 'refusedConnection':
      return `connection from ${event.remote} refused: ${event.message}`
    case 'defect':
      return `a defect of Holdfast kept the last change from taking effect; what was in force stays: ${event.message}`
    case 'notice':
      return `note: ${event.message}`
    case 'rekeyed':
    case 'state':
    case 'stopping':
      return event.message
    case 'stopped':
      return 'stopped'
  }
}

/** A whole object that is not in force has no path. */
const placeOf = ({ object, path }: { readonly object: string; readonly path: string }): string =>
  path === '' ? object : `${object} ${path}`

const started = (event: StartedEvent): string =>
  event.mode === 'standalone'
    ? `holdfast ${event.version} standalone: ${event.directory ?? ''}, as ${event.nodes?.join(', ') ?? ''}`
    : `holdfast ${event.version} router`

function session(event: SessionEvent): string {
  const detail = event.negotiated === undefined ? event.message : termsText(event.negotiated)
  return `session ${event.node} -> ${event.peer} (${event.remote}): ${stateLabel[event.state]}: ${detail}`
}

const termsText = ({ localAsn, remoteAsn, holdTimeSeconds, families }: SessionTerms): string =>
  `AS ${localAsn} to AS ${remoteAsn}, hold time ${holdTimeSeconds} s, ${families.join(' and ')}`

function neighbor(event: NeighborEvent): string {
  const asn = event.remoteAsn === undefined ? undefined : `AS ${event.remoteAsn}`
  return `router: neighbour ${event.remote}${inBrackets(asn)}: ${stateLabel[event.state]}: ${event.message}`
}

function announced({ node, service, routes }: AnnouncedEvent): string {
  if (routes.length === 0) return `${node} announces nothing for ${service} any more`
  return `${node} announces ${service}: ${routes.map(({ prefix, peers }) => `${prefix} to ${peers.join(', ')}`).join('; ')}`
}

const inBrackets = (text: string | undefined): string => (text === undefined ? '' : ` (${text})`)

function route(event: RouteEvent): string {
  if (event.nextHops.length === 0) return `router: ${event.prefix}: no route any more`
  const communities = event.communities.length > 0 ? `, communities ${event.communities.join(' ')}` : ''
  return `router: ${event.prefix} via ${event.nextHops.join(', ')}${communities}`
}

const fault = (event: FaultEvent): string =>
  `error: ${faultPlace(event)}: ${event.message} (${event.code})\n  ${event.remedy}`
