// Receives numbered packets until SIGTERM, then prints the numbers, sorted, as `7` or `7-9` a line.
// Usage: udp-sink.ts PORT ADDRESS…
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const [port = '', ...addresses] = process.argv.slice(2)
const quietMs = 300
const received: number[] = []
let lastMs = 0

const sockets = await Promise.all(
  addresses.map(async (address) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.on('message', (packet) => {
      received.push(packet.readDoubleBE())
      lastMs = performance.now()
    })
    socket.bind(Number(port), address)
    await once(socket, 'listening')
    return socket
  }),
)
process.stdout.write('listening\n')

const report = (): void => {
  const sorted = [...new Set(received)].sort((a, b) => a - b)
  const lines: string[] = []
  for (let start = 0, end = 0; start < sorted.length; start = end + 1) {
    end = start
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1
    lines.push(start === end ? `${sorted[start] ?? ''}` : `${sorted[start] ?? ''}-${sorted[end] ?? ''}`)
  }
  process.stdout.write(lines.join('\n') + '\n')
  for (const socket of sockets) socket.close()
}
process.on('SIGTERM', () => {
  lastMs = Math.max(lastMs, performance.now() - quietMs + 100)
  const timer = setInterval(() => {
    if (performance.now() - lastMs < quietMs) return
    clearInterval(timer)
    report()
  }, 20)
})
