// Sends datagrams that no well-behaved peer sends. Commands come as JSON lines on standard input: each is answered with a line
// when it is done. The source address and TTL are set on the socket; the source port is any.
import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'
import type { HostileCommand } from './hostile-command.ts'

const send = (command: HostileCommand): Promise<void> =>
  new Promise((resolve, reject) => {
    const { from, to, port, ttl, packets } = command
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', reject)
    socket.bind(0, from, () => {
      socket.setTTL(ttl)
      const all = packets.map(
        (hex) =>
          new Promise<void>((sent, failed) => {
            socket.send(Buffer.from(hex, 'hex'), port, to, (error) => {
              if (error === null) sent()
              else failed(error)
            })
          }),
      )
      Promise.all(all).then(() => socket.close(resolve), reject)
    })
  })

/** As fast as one process can, random or the given payload, for `ms`. */
function flood({ from, to, port, ttl, packets, ms }: HostileCommand & { readonly ms: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', reject)
    socket.bind(0, from, () => {
      socket.setTTL(ttl)
      const end = performance.now() + ms
      const bytes = packets.map((hex) => Buffer.from(hex, 'hex'))
      let count = 0
      const more = (): void => {
        for (let one = 0; one < 64; one += 1) {
          const packet = bytes[count % bytes.length]
          if (packet !== undefined) socket.send(packet, port, to)
          count += 1
        }
        if (performance.now() < end) setImmediate(more)
        else {
          process.stdout.write(`${JSON.stringify({ flooded: count })}\n`)
          socket.close(resolve)
        }
      }
      more()
    })
  })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line) as HostileCommand
  const done = command.ms === undefined ? send(command) : flood({ ...command, ms: command.ms })
  done.then(
    () => process.stdout.write(`${JSON.stringify({ done: command.id })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ done: command.id, error: String(error) })}\n`),
  )
})
process.stdout.write(`${JSON.stringify({ done: 0 })}\n`)
