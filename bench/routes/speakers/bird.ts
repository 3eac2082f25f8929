import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { addressOf, plan } from '../plan.ts'
import { finish, SpeakerProcess, type Job, type Speaker } from '../speaker.ts'

const version = async (): Promise<string | undefined> => {
  const { code, output } = await finish('bird', '--version')
  return code === 0 ? /version (\S+)/.exec(output)?.[1] : undefined
}

/** BIRD 2, with its routes as static ones in the configuration file. */
export const bird: Speaker = { name: 'BIRD', version, start: (job) => start(job) }

/**
 * The same with a command on its control socket a hundred times a second: BIRD 2.0.12 goes to sleep with UPDATEs queued,
 * for three seconds where nothing wakes it, and what it could do shows only like this.
 */
export const wakefulBird: Speaker = {
  name: 'BIRD, kept awake',
  version,
  start: async (job) => {
    const speaker = await start(job)
    keepAwake(socketIn(job))
    return speaker
  },
}

const socketIn = ({ directory }: Job): string => join(directory, 'bird.ctl')

async function start(job: Job): Promise<SpeakerProcess> {
  const { count, directory, port, loadTimeoutMs } = job
  const config = join(directory, 'bird.conf')
  const socket = socketIn(job)
  writeFileSync(config, configuration(count, port))
  const place = ['-c', config, '-s', socket, '-P', join(directory, 'bird.pid')]
  const speaker = new SpeakerProcess(directory, ['bird', '-f', ...place])
  await speaker.until('bird has all routes', loadTimeoutMs, async () => {
    const { output } = await finish('birdc', '-s', socket, 'show', 'route', 'count')
    return Number(/^(\d+) of /m.exec(output)?.[1]) === count
  })
  return speaker
}

/** Until BIRD ends, which closes the socket. */
function keepAwake(path: string): void {
  const control = connect(path)
  const timer = setInterval(() => control.write('echo\n'), 10)
  control.on('error', () => control.destroy())
  control.on('close', () => clearInterval(timer))
  control.resume()
}

function configuration(count: number, port: number): string {
  const routes = Array.from({ length: count }, (_, index) => `  route ${addressOf(index)}/32 blackhole;`)
  return `
router id ${plan.speakerAddress};
protocol device {}
protocol static {
  ipv4;
${routes.join('\n')}
}
protocol bgp collector {
  local ${plan.speakerAddress} port ${port} as ${plan.speakerAsn};
  neighbor ${plan.collectorAddress} as ${plan.collectorAsn};
  multihop 2;
  strict bind;
  passive;
  ipv4 {
    import none;
    next hop self;
    export filter {
      bgp_community.add((${plan.communityHigh}, ${plan.communityLow}));
      accept;
    };
  };
}
`
}
