/** What `hostile.ts` is told to send. */
export interface HostileCommand {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly port: number
  readonly ttl: number
  /** Payloads in hexadecimal digits. */
  readonly packets: readonly string[]
  /** Over and over for so long; undefined: each once. */
  readonly ms?: number
}
