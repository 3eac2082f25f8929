// The process that ExaBGP talks to: keeps every JSON line that ExaBGP says, and passes on commands.
// Usage: exabgp-process.ts LOG SOCKET: lines of standard input go to LOG, lines that come to SOCKET to standard output.
import { createWriteStream } from 'node:fs'
import { createServer } from 'node:net'

const [log = '', socket = ''] = process.argv.slice(2)
process.stdin.pipe(createWriteStream(log))
process.stdin.on('end', () => process.exit(0))
createServer((client) => client.on('data', (bytes) => process.stdout.write(bytes))).listen(socket)
