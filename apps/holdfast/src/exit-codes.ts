/** What the program's exit status says; docs/reference/cli.md lists the same. */
export const exitCode = {
  ok: 0,
  /** A defect of Holdfast itself. */
  internal: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** Nothing could be started: the directory cannot be read, a port cannot be bound, the state directory is in use. */
  startUp: 3,
  /** `holdfast replay`: something came out otherwise than recorded; `holdfast drain --wait`: not done in time; `holdfast lint`: not ready. */
  differs: 4,
} as const
