import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, plan } from '../plan.ts'
import { finish, SpeakerProcess, type Job, type Speaker } from '../speaker.ts'

/** GoBGP. Its routes are injected from an MRT file, the only way to give it 100,000 in one command. */
export const gobgp: Speaker = {
  name: 'GoBGP',
  version: async () => {
    const { code, output } = await finish('gobgpd', '--version')
    return code === 0 ? /[\d.]+/.exec(output)?.[0] : undefined
  },
  start: async ({ count, directory, port, controlPort, loadTimeoutMs }: Job) => {
    const config = join(directory, 'gobgpd.toml')
    writeFileSync(config, configuration(port))
    const mrt = join(directory, 'routes.mrt')
    writeFileSync(mrt, mrtFile(count))
    const api = `127.0.0.1:${controlPort}`
    const quiet = ['--pprof-disable', '-l', 'warn']
    const speaker = new SpeakerProcess(directory, ['gobgpd', '-f', config, '--api-hosts', api, ...quiet])
    const control = ['-p', String(controlPort)]
    await speaker.until('gobgpd answers', 10_000, async () => {
      const { code } = await finish('gobgp', ...control, 'neighbor')
      return code === 0
    })
    const { code, output } = await finish('gobgp', ...control, 'mrt', 'inject', 'global', mrt)
    if (code !== 0) throw new Error(`gobgp mrt inject: ${output}`)
    await speaker.until('gobgpd has all routes', loadTimeoutMs, async () => {
      const summary = await finish('gobgp', ...control, 'global', 'rib', 'summary')
      return Number(/Destination: (\d+)/.exec(summary.output)?.[1]) === count
    })
    return speaker
  },
}

const configuration = (port: number): string => `
[global.config]
  as = ${plan.speakerAsn}
  router-id = "${plan.speakerAddress}"
  port = ${port}
  local-address-list = ["${plan.speakerAddress}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${plan.collectorAddress}"
    peer-as = ${plan.collectorAsn}
  [neighbors.transport.config]
    passive-mode = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
`

/**
 * A table dump (RFC 6396 section 4.3): one peer, and each route from that peer. The command that injects it can end
 * before its last routes have arrived and loses up to some hundred, so the first one follows 2,000 times more.
 */
function mrtFile(count: number): Buffer {
  const peerIndex = Buffer.from('7f000001' + '0000' + '0001' + '02' + '7f000001' + '7f000001' + asnHex, 'hex')
  const records = [mrtRecord(1, peerIndex)]
  for (let index = 0; index < count; index += 1) records.push(mrtRecord(2, ribEntry(index)))
  for (let padding = 0; padding < 2000; padding += 1) records.push(mrtRecord(2, ribEntry(0)))
  return Buffer.concat(records)
}

const asnHex = plan.speakerAsn.toString(16).padStart(8, '0')
const communityHex = plan.communityHigh.toString(16).padStart(4, '0') + plan.communityLow.toString(16).padStart(4, '0')
/** ORIGIN IGP, an empty AS_PATH, NEXT_HOP, COMMUNITIES. */
const attributes = Buffer.from('40010100' + '400200' + '4003047f000001' + `c00804${communityHex}`, 'hex')

function mrtRecord(subtype: number, body: Buffer): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(13, 4)
  header.writeUInt16BE(subtype, 6)
  header.writeUInt32BE(body.length, 8)
  return Buffer.concat([header, body])
}

function ribEntry(index: number): Buffer {
  const head = Buffer.alloc(19)
  head.writeUInt32BE(index, 0)
  head.writeUInt8(32, 4)
  head.set(addressOf(index).split('.').map(Number), 5)
  head.writeUInt16BE(1, 9)
  head.writeUInt16BE(attributes.length, 17)
  return Buffer.concat([head, attributes])
}
