import { z } from 'zod'

/** RFC 3339, as metav1.Time is written. */
const time = z.string().meta({ format: 'date-time' })

const count = z.int().min(0)

/** What is asked of a node, by people and by the speakers of other nodes. */
export const nodeStateSpec = z.object({
  drain: z
    .object({
      requestedAt: time,
      requestedBy: z.string().exactOptional(),
      reason: z.string().exactOptional(),
    })
    .exactOptional(),
  question: z.object({ id: z.string(), askedBy: z.string(), askedAt: time }).exactOptional(),
})

const negotiated = z.object({
  remoteASN: count.exactOptional(),
  remoteRouterID: z.string().exactOptional(),
  remoteSoftware: z.string().exactOptional(),
  holdTimeSeconds: count.exactOptional(),
  keepaliveTimeSeconds: count.exactOptional(),
  families: z.array(z.enum(['IPv4', 'IPv6'])).exactOptional(),
  internal: z.boolean().exactOptional(),
  fourOctetASN: z.boolean().exactOptional(),
  routeRefresh: z.enum(['None', 'Plain', 'Enhanced']).exactOptional(),
  addPath: z.array(z.enum(['IPv4', 'IPv6'])).exactOptional(),
  extendedNextHop: z.array(z.enum(['IPv4', 'IPv6'])).exactOptional(),
  role: z.string().exactOptional(),
  restartTimeSeconds: count.exactOptional(),
  peerRestartTimeSeconds: count.exactOptional(),
  longLivedStaleTimeSeconds: count.exactOptional(),
})

const session = z.object({
  peer: z.string(),
  address: z.string().exactOptional(),
  vrf: z.string().exactOptional(),
  state: z.enum(['NotOpened', 'Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established']),
  since: time.exactOptional(),
  reason: z.string().exactOptional(),
  lastError: z.string().exactOptional(),
  lastErrorTime: time.exactOptional(),
  negotiated: negotiated.exactOptional(),
  bfd: z.enum(['AdminDown', 'Down', 'Init', 'Up', 'CannotRun']).exactOptional(),
  routes: count.exactOptional(),
})

const heldBack = z.object({ prefix: z.string(), reason: z.string(), node: z.string().exactOptional() })

const drain = z.object({
  phase: z.enum(['Active', 'GracefulShutdown', 'HeldBack', 'Withdrawn']),
  since: time,
  cause: z.string().exactOptional(),
  message: z.string().exactOptional(),
  requestedAt: time.exactOptional(),
  remainingConnections: count.exactOptional(),
  silentConnections: count.exactOptional(),
  heldBack: z.array(heldBack).exactOptional(),
})

/** metav1.Condition. */
export const conditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: time,
  observedGeneration: count.exactOptional(),
})

/** What the speaker of a node says of it. */
export const nodeStateStatus = z.object({
  version: z.string().exactOptional(),
  sessionsReady: z.string().exactOptional(),
  sessions: z.array(session).exactOptional(),
  routes: count.exactOptional(),
  serviceStatuses: z.enum(['All', 'None']).exactOptional(),
  drain: drain.exactOptional(),
  answer: z.string().exactOptional(),
  conditions: z.array(conditionSchema).exactOptional(),
})
