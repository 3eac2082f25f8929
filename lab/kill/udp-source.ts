// Sends numbered packets at an even pace until SIGTERM, then prints how many. Usage: udp-source.ts PORT PER-SECOND ADDRESS…
// The numbers are one sequence over all addresses; each address gets PER-SECOND packets a second, from eight ports.
import { createSocket, type Socket } from 'node:dgram'

const [port = '', perSecond = '', ...addresses] = process.argv.slice(2)
const flows = 8
const rate = Number(perSecond) * addresses.length
const socketsOf = (address: string): readonly Socket[] =>
  Array.from({ length: flows }, () => createSocket(address.includes(':') ? 'udp6' : 'udp4'))
const targets = addresses.map((address) => ({ address, sockets: socketsOf(address) }))

let sent = 0
const begun = performance.now()
const send = (): void => {
  // What is due by now: a timer that comes late is made up for.
  const due = Math.floor(((performance.now() - begun) / 1000) * rate)
  for (; sent < due; sent += 1) {
    const target = targets[sent % targets.length]
    const socket = target?.sockets[Math.floor(sent / targets.length) % flows]
    if (target === undefined || socket === undefined) throw new Error('no address')
    const packet = Buffer.alloc(8)
    packet.writeDoubleBE(sent)
    socket.send(packet, Number(port), target.address)
  }
}
const timer = setInterval(send, 1)
process.stdout.write('sending\n')
process.on('SIGTERM', () => {
  clearInterval(timer)
  for (const { sockets } of targets) for (const socket of sockets) socket.close()
  process.stdout.write(`${JSON.stringify({ sent })}\n`)
})
