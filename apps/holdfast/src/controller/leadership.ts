/** The leadership under which a reconciler writes (docs/adr/0014). */
export interface Leadership {
  /** resourceVersion of the Lease as the write that acquired it made it: of two leaderships the later one has the greater number. */
  readonly number: string
  /** When that was, by `clock.now()`. */
  readonly sinceMs: number
  /** Whether the watch by which Services are followed was opened before the last renewal of the Lease was sent. */
  readonly isHeardInTime: boolean
}
