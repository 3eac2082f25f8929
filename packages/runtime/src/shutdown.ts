/**
 * The signals that ask a program to end: Ctrl-C, what `kill`, systemd and the kubelet send, and the one that a supervisor can be
 * told to send before it starts the program again (systemd: RestartKillSignal).
 */
export type ShutdownSignal = 'SIGINT' | 'SIGTERM' | 'SIGUSR2'

/** Exit codes of a program that a signal ended: 128 and the signal's number (POSIX shells). */
const EXIT_CODES: Readonly<Record<ShutdownSignal, number>> = { SIGINT: 130, SIGTERM: 143, SIGUSR2: 140 }

/**
 * One Ctrl-C reaches every process of the terminal's foreground group, and npm passes its own on to us as well: signals
 * this close together are one wish.
 */
const SAME_WISH_MS = 300

/** What `onShutdown` returns: `remove` gives the signals their default effect back. */
export interface ShutdownHook {
  readonly remove: () => void
}

/**
 * Calls `run` once, on the first of the signals; when its promise is fulfilled, the default effect of the signals is
 * back and the program ends by having nothing left to do (or by what `run` did). A further signal ends the program at once with
 * 128 and its number. A rejection of `run` is a bug and ends the program as every unhandled one does: stack on stderr, code 1.
 */
export function onShutdown(
  run: (signal: ShutdownSignal) => Promise<void>,
  signals: readonly ShutdownSignal[] = ['SIGINT', 'SIGTERM'],
): ShutdownHook {
  let askedAtMs: number | undefined

  function asked(signal: ShutdownSignal): void {
    const nowMs = performance.now()
    if (askedAtMs === undefined) {
      askedAtMs = nowMs
      void run(signal).then(remove)
    } else if (nowMs - askedAtMs > SAME_WISH_MS) {
      process.exit(EXIT_CODES[signal])
    }
  }

  function remove(): void {
    for (const signal of signals) process.off(signal, asked)
  }

  for (const signal of signals) process.on(signal, asked)
  return { remove }
}
