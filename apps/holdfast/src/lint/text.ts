import { heading, item, paint, wrap } from '../output/text.ts'
import type { Finding, Severity } from './finding.ts'
import type { LintReport, Verdict } from './lint.ts'

/** More names than that help nobody: the rest is counted. */
const mostNames = 8

const titles: Readonly<Record<Severity, string>> = {
  blocks: 'In the way',
  differs: 'Will be otherwise',
  note: 'Good to know',
}

/** A report for a terminal: the verdict, what blocks, what differs, what is good to know, what was not looked at. */
export function reportLines(report: LintReport, columns: number): readonly string[] {
  const { verdict, bgpType, loadBalancerClass, counts, findings, notRead } = report
  const seen = [
    amount(counts.pools, 'pool'),
    amount(counts.peers, 'peer'),
    amount(counts.advertisements, 'advertisement'),
    `${amount(counts.services, 'Service')} of type LoadBalancer`,
  ].join(', ')
  const back = bgpType === null ? '' : `; MetalLB’s BGP back-end: ${bgpType}`
  const forbidden = notRead.filter(({ reason }) => reason === 'forbidden').map(({ resource }) => resource)
  const absent = notRead.filter(({ reason }) => reason === 'notThere').map(({ resource }) => resource)
  return [
    ...wrap(`${paint(['bold', colour[verdict]], verdict)}: ${sentence[verdict]}`, columns, 0),
    ...wrap(`  ${seen}${back}${loadBalancerClass === null ? '' : `; class: ${loadBalancerClass}`}`, columns, 0),
    ...(['blocks', 'differs', 'note'] as const).flatMap((severity) => section(severity, findings, columns)),
    ...(forbidden.length + absent.length === 0 ? [] : ['', heading('Not looked at')]),
    ...(forbidden.length === 0 ? [] : wrap(`  not shown to you: ${forbidden.join(', ')}`, columns, 0)),
    ...(absent.length === 0 ? [] : wrap(`  not known to this cluster: ${absent.join(', ')}`, columns, 0)),
  ]
}

const colour = { ready: 'green', 'ready with differences': 'yellow', 'not ready': 'red' } as const

const sentence: Readonly<Record<Verdict, string>> = {
  ready: 'Holdfast does what MetalLB does here',
  'ready with differences': 'Holdfast serves this; read first what will be otherwise than with MetalLB',
  'not ready': 'something has to be done before MetalLB is replaced',
}

const lamps: Readonly<Record<Severity, string>> = {
  blocks: paint('red', '✗'),
  differs: paint('yellow', '○'),
  note: paint('dim', '·'),
}

function section(severity: Severity, findings: readonly Finding[], columns: number): readonly string[] {
  const chosen = findings.filter((one) => one.severity === severity)
  if (chosen.length === 0) return []
  return ['', heading(titles[severity]), ...chosen.flatMap((one) => findingLines(one, columns))]
}

function findingLines({ code, severity, objects, message, remedy }: Finding, columns: number): readonly string[] {
  const more = objects.length - mostNames
  const names = `${objects.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  return [
    ...item(lamps[severity], `${paint('bold', code)}${names === '' ? '' : `  ${names}`}`, columns, 2),
    ...wrap(`      ${message}`, columns, 0),
    ...(remedy === null ? [] : item(paint('dim', '→'), remedy, columns, 6)),
  ]
}

const amount = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
