import type { ApiFault, MemoryApi } from '@holdfast/cluster'
import { apiFault, resourceTypes } from '@holdfast/cluster'
import type { Clock } from '@holdfast/runtime'
import { specTextOf } from '../service-object.ts'
import { followedTypes } from './lagging-cache.ts'
import type { Random } from './random.ts'
import type { SimulatedController } from './simulated-controller.ts'
import { servicesOf } from './truth.ts'
import { namespace } from './workload.ts'

/** What goes wrong in a history. */
export interface Troubles {
  /** Lets one thing go wrong, or none. */
  readonly act: () => void
  /** How the server answers a write of an object (kind and name) at present; undefined: it carries it out. */
  readonly refusalOf: (object: string) => ApiFault | undefined
  /** Whether somebody has changed by hand by now what only controllers write. */
  readonly isSabotaged: () => boolean
  /** From now on the server refuses nothing, and nobody acquires the Lease. */
  readonly calm: () => void
}

export interface TroublesOptions {
  readonly server: MemoryApi
  readonly clock: Clock
  readonly random: Random
  readonly controllers: readonly SimulatedController[]
  /** Crashes a controller and starts another in its place. */
  readonly replace: (controller: SimulatedController) => void
  /** Services that there may be. */
  readonly serviceNames: readonly string[]
  /** Whether people delete and spoil blocks, and MetalLB writes statuses too. */
  readonly hasSabotage: boolean
  readonly tell: (line: string) => void
}

const refusals: readonly ApiFault[] = [
  { ...apiFault('forbidden', 'no'), status: 403 },
  { ...apiFault('serverError', 'no'), status: 500 },
]
/** Blocks of the pools, there or not. */
const blockNames = ['ipv4-192.0.2.0', 'ipv4-192.0.2.64', 'ipv4-192.0.2.128']
/** Addresses that MetalLB gives, ours and foreign ones. */
const givenAddresses = ['192.0.2.0', '192.0.2.1', '192.0.2.46', '192.0.2.64', '203.0.113.7', 'fd00::', 'FD00::40']

export function createTroubles(options: TroublesOptions): Troubles {
  const { server, clock, random, controllers, tell } = options
  const refused = new Map<string, ApiFault>()
  let isSabotaged = false
  let isCalm = false

  function pause(controller: SimulatedController): void {
    const ms = random.next() * 20_000
    controller.pause(ms)
    tell(`${controller.name} pauses for ${Math.round(ms)} ms`)
  }

  function cut(controller: SimulatedController): void {
    const type = random.pick(followedTypes)
    const ms = random.next() * 10_000
    controller.cache.cut(type, ms)
    tell(`${controller.name} hears nothing of ${type.plural} for ${Math.round(ms)} ms`)
  }

  function lead(controller: SimulatedController): void {
    const doesLead = random.chance(0.7)
    controller.lead(doesLead)
    tell(`${controller.name} ${doesLead ? 'leads' : 'does not lead'}`)
  }

  const leadAgain = (controller: SimulatedController): void => {
    controller.lead(false)
    controller.lead(true)
  }

  /** It ends as it should, and another one is started. */
  function stop(controller: SimulatedController): void {
    if (controller.isStopping()) return
    tell(`${controller.name} is told to stop`)
    void controller.stop().then(() => options.replace(controller))
  }

  /** The Lease finds another holder once the one before is lost. */
  function elect(): void {
    if (controllers.some((controller) => controller.isNewestLeader())) return
    const controller = random.pick(controllers)
    leadAgain(controller)
    tell(`${controller.name} acquires the Lease, which nobody renews`)
  }

  /** It loses the lead and has it again, and what it follows of one kind is from before. */
  function usurp(controller: SimulatedController): void {
    const type = random.pick(followedTypes)
    const ms = random.next() * 20_000
    controller.cache.cut(type, ms)
    clock.after(random.next() * ms, () => {
      if (isCalm) return
      leadAgain(controller)
      tell(`${controller.name} leads again, and has heard nothing of ${type.plural} for long`)
    })
    tell(`${controller.name} hears nothing of ${type.plural} for ${Math.round(ms)} ms`)
  }

  /** Its list comes from a server that is far behind. */
  function rewind(controller: SimulatedController): void {
    const type = random.pick(followedTypes)
    controller.cache.rewind(type, random.next())
    if (random.chance(0.5)) leadAgain(controller)
    tell(`${controller.name} hears all of ${type.plural} again, from long ago on`)
  }

  function refuse(): void {
    const known = server.readAll(resourceTypes.AddressBlock).map(({ metadata }) => metadata.name)
    const object = random.chance(0.6)
      ? `AddressBlock ${random.pick([...blockNames, ...known])}`
      : `Service ${random.pick(options.serviceNames)}`
    const fault = random.pick(refusals)
    refused.set(object, fault)
    tell(`writes of ${object} are refused: ${fault.code}`)
    clock.after(random.next() * 10_000, () => void refused.delete(object))
  }

  function sabotage(): void {
    if (random.chance(0.6)) harmBlock()
    else giveAddress()
  }

  function deleteBlock(name: string): void {
    server.drop(resourceTypes.AddressBlock, { namespace, name })
    tell(`block ${name} is deleted by hand`)
  }

  function harmBlock(): void {
    const blocks = server.readAll(resourceTypes.AddressBlock)
    if (blocks.length === 0) return
    isSabotaged = true
    const { metadata, spec } = random.pick(blocks)
    if (random.chance(0.7)) {
      deleteBlock(metadata.name)
      return
    }
    const spoilt = { ...(spec as object), addresses: { some: 'text' } }
    server.put(resourceTypes.AddressBlock, { metadata, spec: spoilt })
    tell(`block ${metadata.name} is spoilt by hand`)
    // As its log line says.
    clock.after(random.next() * 5000, () => deleteBlock(metadata.name))
  }

  /** As MetalLB's controller does it, if somebody leaves it running: it serves what is of type LoadBalancer. */
  function giveAddress(): void {
    const services = servicesOf(server).filter((object) => specTextOf(object, 'type') === 'LoadBalancer')
    if (services.length === 0) return
    isSabotaged = true
    const { metadata, spec, status } = random.pick(services)
    const ip = random.pick(givenAddresses)
    const loadBalancer = random.chance(0.2) ? {} : { ingress: [{ ip, ipMode: 'VIP' }] }
    server.put(resourceTypes.Service, { metadata, spec, status: { ...(status as object), loadBalancer } })
    tell(`MetalLB says of ${metadata.name} ${JSON.stringify(loadBalancer)}`)
  }

  const shares: readonly (readonly [share: number, run: (controller: SimulatedController) => void])[] = [
    [0.07, options.replace],
    [0.06, stop],
    [0.15, pause],
    [0.15, cut],
    [0.2, lead],
    [0.1, usurp],
    [0.1, rewind],
    [0.1, refuse],
    [options.hasSabotage ? 0.1 : 0, sabotage],
  ]

  return {
    act: () => {
      if (random.chance(0.3)) elect()
      const controller = random.pick(controllers)
      let dice = random.next()
      for (const [share, run] of shares) {
        dice -= share
        if (dice >= 0) continue
        run(controller)
        return
      }
    },
    refusalOf: (object) => refused.get(object),
    isSabotaged: () => isSabotaged,
    calm: () => {
      isCalm = true
      refused.clear()
    },
  }
}
