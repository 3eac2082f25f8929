import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { addressOf, plan } from '../plan.ts'
import { finish, SpeakerProcess, type Job, type Speaker } from '../speaker.ts'
import { isListening } from '../usage.ts'

/** ExaBGP, with its routes in the configuration file. */
export const exabgp: Speaker = {
  name: 'ExaBGP',
  version: async () => {
    const { code, output } = await finish('exabgp', '--version')
    return code === 0 ? /ExaBGP : (\S+)/.exec(output)?.[1] : undefined
  },
  start: async ({ count, directory, port, loadTimeoutMs }: Job) => {
    const config = join(directory, 'exabgp.conf')
    writeFileSync(config, configuration(count))
    const env = {
      ...process.env,
      'exabgp.daemon.user': process.getuid?.() === 0 ? 'root' : (process.env['USER'] ?? 'nobody'),
      'exabgp.daemon.daemonize': 'false',
      'exabgp.tcp.bind': plan.speakerAddress,
      'exabgp.tcp.port': String(port),
      'exabgp.log.all': 'false',
      'exabgp.log.level': 'WARNING',
      'exabgp.api.cli': 'false',
    }
    const speaker = new SpeakerProcess(directory, ['exabgp', config], env)
    await speaker.until('exabgp listens', loadTimeoutMs, () => isListening(port))
    return speaker
  },
}

function configuration(count: number): string {
  const community = `${plan.communityHigh}:${plan.communityLow}`
  const routes = Array.from(
    { length: count },
    (_, index) => `    route ${addressOf(index)}/32 next-hop ${plan.speakerAddress} community [${community}];`,
  )
  return `
neighbor ${plan.collectorAddress} {
  router-id ${plan.speakerAddress};
  local-address ${plan.speakerAddress};
  local-as ${plan.speakerAsn};
  peer-as ${plan.collectorAsn};
  passive true;
  family { ipv4 unicast; }
  static {
${routes.join('\n')}
  }
}
`
}
