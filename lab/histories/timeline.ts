import type { Fact } from './facts.ts'

/** What happened, for whoever looks for the cause of a finding. */
export interface Timeline {
  readonly tell: (line: string) => void
  readonly text: () => string
}

export function createTimeline(): Timeline {
  const lines: string[] = []
  const beganMs = performance.now()
  return {
    tell: (line) => void lines.push(`${Math.round(performance.now() - beganMs)} ${line}`),
    text: () => lines.join('\n'),
  }
}

/** Renewals of the Lease are left out. */
export function observeBy(tell: (line: string) => void): (fact: Fact) => void {
  let holder: string | undefined
  return (fact) => {
    const isRenewal = fact.kind === 'Lease' && !fact.isDeleted && fact.holder === holder
    if (fact.kind === 'Lease') holder = fact.isDeleted ? undefined : fact.holder
    if (!isRenewal) tell(textOf(fact))
  }
}

function textOf(fact: Fact): string {
  const what = `  ${fact.revision} ${fact.kind} ${fact.name}${fact.isDeleted ? ' deleted' : ''}`
  if (fact.isDeleted) return what
  switch (fact.kind) {
    case 'Service':
      return `${what} ${fact.uid.slice(0, 8)} [${fact.addresses.join()}] ${JSON.stringify(fact.wish)}`
    case 'IPAddressPool':
      return `${what} ${[...fact.addresses].join()}`
    case 'Lease':
      return `${what} ${fact.holder === '' ? 'given back' : fact.holder}`
    case 'AddressBlock': {
      const grants = fact.grants.map((one) => one.replace(/(?<=^\S+ \S{8}).*/, ''))
      const reserved = [...fact.reserved].map(([address, leadership]) => `${address} for ${leadership}`)
      return `${what} ${[...grants, ...reserved].join(', ')}`
    }
  }
}
