import { chownSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, plan } from '../plan.ts'
import { finish, SpeakerProcess, type Job, type Speaker } from '../speaker.ts'

const bgpd = '/usr/lib/frr/bgpd'

/** FRR's bgpd alone, with its routes as `network` statements. It sends MED 0 with them, which the others do not. */
export const frr: Speaker = {
  name: 'FRR',
  version: async () => {
    if (!existsSync(bgpd) || process.getuid?.() !== 0) return undefined
    return /version (\S+)/.exec((await finish(bgpd, '--version')).output)?.[1]
  },
  start: async ({ count, directory, port, loadTimeoutMs }: Job) => {
    const config = join(directory, 'bgpd.conf')
    writeFileSync(config, configuration(count))
    const { uid, gid } = statSync('/etc/frr')
    for (const path of [directory, config]) chownSync(path, uid, gid)
    const place = ['--vty_socket', directory, '-i', join(directory, 'bgpd.pid'), '-P', '0']
    const speaker = new SpeakerProcess(directory, [
      bgpd,
      '-f',
      config,
      '--no_zebra',
      '-l',
      plan.speakerAddress,
      '-p',
      String(port),
      ...place,
    ])
    const show = 'show bgp ipv4 unicast statistics json'
    await speaker.until('bgpd has all routes', loadTimeoutMs, async () => {
      const { output } = await finish('vtysh', '--vty_socket', directory, '-c', show)
      return Number(/"totalPrefixes":\s*(\d+)/.exec(output)?.[1]) === count
    })
    return speaker
  },
}

function configuration(count: number): string {
  const networks = Array.from({ length: count }, (_, index) => `  network ${addressOf(index)}/32`)
  const neighbor = ` neighbor ${plan.collectorAddress}`
  return [
    'hostname speaker',
    `route-map OUT permit 10`,
    ` set community ${plan.communityHigh}:${plan.communityLow}`,
    `router bgp ${plan.speakerAsn}`,
    ` bgp router-id ${plan.speakerAddress}`,
    ' no bgp ebgp-requires-policy',
    ' no bgp network import-check',
    `${neighbor} remote-as ${plan.collectorAsn}`,
    `${neighbor} passive`,
    `${neighbor} disable-connected-check`,
    ' address-family ipv4 unicast',
    ` ${neighbor} route-map OUT out`,
    ...networks,
    ' exit-address-family',
    '',
  ].join('\n')
}
