// Answers a session with an OPEN and a KEEPALIVE, then sends COUNT routes in UPDATEs made before the connection came.
// Usage: replay-main.ts PORT COUNT
import { createServer } from 'node:net'
import { addressOf, plan } from '../plan.ts'

const [port = '', count = ''] = process.argv.slice(2)
const marker = 'ff'.repeat(16)
const asn = plan.speakerAsn.toString(16).padStart(8, '0')
const community = plan.communityHigh.toString(16).padStart(4, '0') + plan.communityLow.toString(16).padStart(4, '0')
// ORIGIN IGP, AS_PATH (RFC 6793 form), NEXT_HOP 127.0.0.1, COMMUNITIES.
const attributes = `40010100` + `4002060201${asn}` + '4003047f000001' + `c00804${community}`
const open = `${marker}002d01` + '04fbf400b47f000001' + '10' + '020e' + '010400010001' + `4104${asn}` + '0200'
const keepalive = `${marker}001304`
/** RFC 4271 section 4.1: a message has at most 4096 bytes. */
const routesInUpdate = Math.floor((4096 - 23 - attributes.length / 2) / 5)

function updates(): Buffer {
  const messages: Buffer[] = []
  for (let first = 0; first < Number(count); first += routesInUpdate) {
    const routes = Math.min(routesInUpdate, Number(count) - first)
    const nlri = Array.from({ length: routes }, (_, index) => [
      32,
      ...addressOf(first + index)
        .split('.')
        .map(Number),
    ])
    const lengths = Buffer.alloc(2)
    lengths.writeUInt16BE(23 + attributes.length / 2 + 5 * routes)
    const attributeLength = (attributes.length / 2).toString(16).padStart(4, '0')
    const head = Buffer.from(`${marker}${lengths.toString('hex')}02` + '0000' + attributeLength + attributes, 'hex')
    messages.push(head, Buffer.from(nlri.flat()))
  }
  return Buffer.concat(messages)
}

const routes = updates()
createServer({ noDelay: true }, (socket) => {
  socket.write(Buffer.from(open, 'hex'))
  socket.once('data', () => socket.write(Buffer.concat([Buffer.from(keepalive, 'hex'), routes])))
  socket.on('error', () => socket.destroy())
}).listen(Number(port), plan.speakerAddress)
