import type { Clause } from '../clause.ts'

/** What only shows with real connections and timers: how sessions are opened, kept and ended. */
export const clauses: readonly Clause[] = [
  {
    id: 'rfc4271-4.4-often-enough',
    level: 'MUST',
    text: 'Sends KEEPALIVEs so often that the hold timer of a peer that is reached does not expire.',
  },
  {
    id: 'rfc4271-4.4-none-without-hold-time',
    level: 'MUST NOT',
    text: 'Sends no periodic KEEPALIVE where the negotiated hold time is 0.',
  },
  {
    id: 'rfc4271-6-closed-after-notification',
    level: 'MUST',
    text: 'Answers an error with its NOTIFICATION, and closes the connection behind it.',
  },
  {
    id: 'rfc4271-6.5-expired',
    level: 'MUST',
    text: 'Ends a session with NOTIFICATION 4 when neither KEEPALIVE nor UPDATE came for the hold time, whatever else did.',
  },
  {
    id: 'rfc4271-8.2.1-dials-and-listens',
    level: 'MUST',
    text: 'Dials port 179 of its peers, and takes the connections that they open to its own.',
  },
  {
    id: 'rfc4271-8.2.1-machine-each',
    level: 'MUST',
    text: 'Runs a state machine for the connection that it opened and one for the connection that the peer opened.',
  },
  {
    id: 'rfc4486-4-connection-rejected',
    level: 'SHOULD',
    text: 'Refuses a connection that it does not want with Cease, Connection Rejected.',
  },
  {
    id: 'rfc4724-4.1-restart-state',
    level: 'MUST',
    text: 'Sets the R bit in its first OPEN after a restart.',
  },
  {
    id: 'rfc4724-4.2-no-restart-state',
    level: 'MUST NOT',
    text: 'Does not set the R bit in an OPEN that re-establishes a session for any other reason than its own restart.',
  },
  {
    id: 'rfc4724-4.2-new-connection',
    level: 'MUST',
    text: 'Takes a new connection of a peer with graceful restart for the end of the session that seems to be up.',
  },
  {
    id: 'rfc4724-4.2-close-previous',
    level: 'MUST',
    text: 'Then closes the old connection and keeps the new one.',
  },
  {
    id: 'rfc9687-4.3-starts',
    level: 'MUST',
    text: 'Runs a SendHoldTimer in Established.',
  },
  {
    id: 'rfc9687-4.3-restarts',
    level: 'MUST',
    text: 'Restarts the SendHoldTimer when something is really sent, which queueing it behind bytes that nobody takes is not.',
  },
  {
    id: 'rfc9687-4.3-off-without-hold-time',
    level: 'MUST',
    text: 'Runs no SendHoldTimer where the negotiated hold time is 0.',
  },
  {
    id: 'rfc9687-4.3-stopped',
    level: 'MUST',
    text: 'Stops the SendHoldTimer when the session leaves Established.',
  },
  {
    id: 'rfc9687-5-closed',
    level: 'MUST',
    text: 'Closes the connection when nothing could be sent for the SendHoldTime.',
  },
  {
    id: 'rfc9687-5-error-logged',
    level: 'MUST',
    text: 'Reports that the SendHoldTimer expired, as the reason for which the session was lost.',
  },
  {
    id: 'rfc9687-7-reason',
    level: 'SHOULD',
    text: 'Shows an expired SendHoldTimer as the last error of the peer.',
  },
]
