// A router that falls silent: accepts one BGP session at a time, answers with an OPEN and one KEEPALIVE, then says
// nothing any more. Prints every message it receives as a JSON line: milliseconds since its KEEPALIVE, and the bytes.
// Usage: silent-router.ts ADDRESS PORT
import { createServer, type Socket } from 'node:net'

const [address = '', port = ''] = process.argv.slice(2)
const marker = 'ff'.repeat(16)
// RFC 4271 4.2: version 4, AS 64512, hold time 3 s, identifier 10.0.0.2, capabilities (RFC 5492): IPv4 unicast
// (RFC 4760), four-octet AS 64512 (RFC 6793).
const open = `${marker}002d01` + '04fc0000030a000002' + '10' + '020e' + '010400010001' + '41040000fc00' + '0200'
const keepalive = `${marker}001304`

const serve = (socket: Socket): void => {
  let pending = Buffer.alloc(0)
  let silentSince: number | undefined
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 19 && pending.length >= pending.readUInt16BE(16)) {
      const message = pending.subarray(0, pending.readUInt16BE(16))
      pending = pending.subarray(message.length)
      if (message[18] === 1) {
        socket.write(Buffer.from(open + keepalive, 'hex'))
        silentSince = performance.now()
      }
      const ms = silentSince === undefined ? 0 : performance.now() - silentSince
      report({ event: 'received', ms, bytes: message.toString('hex') })
    }
  })
  socket.on('end', () => report({ event: 'ended' }))
  socket.on('error', () => report({ event: 'reset' }))
}

const report = (line: Readonly<Record<string, string | number>>): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

createServer(serve).listen(Number(port), address, () => report({ event: 'listening' }))
