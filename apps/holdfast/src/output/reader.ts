/** As a shell says of a program that SIGPIPE has ended, which Node does not let happen. */
const readerGone = 141

/** A reader that goes away (`| head`) ends a command as it ends others: at once, and without a word. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(readerGone)
  })
}
