import type { Explanation, NodeExplanation } from './explanation.ts'

/** An explanation in one line. */
export function summaryOf(explanation: Omit<Explanation, 'summary'>): string {
  const { addresses, allocation, faults } = explanation
  const refused = faults.length === 0 ? '' : ' (worked out without what is refused)'
  const nodes = `${announcement(explanation.nodes)}${refused}`
  if (allocation.outcome === 'yes') return nodes
  if (addresses.length === 0) return `not reachable: ${allocation.message}`
  return `${nodes}; not as it asks: ${allocation.message}`
}

function announcement(nodes: readonly NodeExplanation[]): string {
  const announcing = nodes.filter(({ announces }) => announces.outcome === 'yes')
  const unsure = nodes.filter(({ announces }) => announces.outcome === 'unknown')
  if (unsure.length === 0) return announcing.length === 0 ? byNobody(nodes) : byThese(announcing, nodes)
  const words = unsureWords(unsure)
  return announcing.length === 0 ? `not known: ${words}` : `${byThese(announcing, nodes)}; ${words}`
}

function unsureWords(nodes: readonly NodeExplanation[]): string {
  const named = (reason: string): string =>
    namesOf(nodes.filter(({ announces }) => announces.reason === reason).map(({ node }) => node))
  const sentences: readonly (readonly [names: string, sentence: (names: string) => string])[] = [
    [
      named('speakerSilent'),
      (names) => `the speaker of ${names} does not answer, which announced it when it was last heard`,
    ],
    [
      named('metallb'),
      (names) =>
        `MetalLB announces, and what it does is not looked at; Holdfast in its place would announce from ${names}`,
    ],
    [named('notTold'), (names) => `the speaker of ${names} is to announce it and has not told that it does`],
    [
      namesOf(nodes.filter(({ announces }) => isOfPods(announces.reason)).map(({ node }) => node)),
      (names) => `the speaker of ${names} is not ready or gone, which announced it when it was last heard`,
    ],
  ]
  return sentences.flatMap(([names, sentence]) => (names === '' ? [] : [sentence(names)])).join('; ')
}

const isOfPods = (reason: string): boolean => reason === 'noSpeaker' || reason === 'speakerNotReady'

const namesOf = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')

function byThese(announcing: readonly NodeExplanation[], nodes: readonly NodeExplanation[]): string {
  const heard = announcing.filter(isHeard)
  const deaf = announcing.length - heard.length
  if (heard.length === 0) {
    return `at no router: ${announcing.length} of ${nodes.length} nodes would announce it, and none has a session with a router`
  }
  const rest = deaf === 0 ? '' : `; ${deaf} more without a session`
  return `announced by ${heard.length} of ${nodes.length} nodes${rest}${missing(announcing)}`
}

/** What is said of a node, as it can be said of others too. */
export const generalOf = ({ node, announces }: NodeExplanation): string =>
  announces.message.replaceAll(`Node ${node}`, 'the Node').replace(/^t/, 'T')

function byNobody(nodes: readonly NodeExplanation[]): string {
  if (nodes.length === 0) return 'announced by nobody: there are no nodes'
  const reasons = new Set(nodes.map(({ announces }) => announces.reason))
  const [first] = nodes
  const words =
    first === undefined || nodes.length === 1 ? first?.announces.message : generalOf(first).replace(/^T/, 't')
  const why = reasons.size === 1 ? `: ${words ?? ''}` : ', each for its own reason'
  return `announced by none of ${nodes.length} nodes${why}`
}

/** What of the Service no router has, while it has other parts: of two families one can be cut off. */
function missing(announcing: readonly NodeExplanation[]): string {
  const routes = announcing.flatMap((node) => node.routes)
  const up = new Set(routes.filter(({ session }) => session === 'Established').map(({ prefix }) => prefix))
  const cutOff = routes.map(({ prefix }) => prefix).filter((prefix) => !up.has(prefix))
  const withheld = announcing[0]?.withheld.map(({ ip }) => ip) ?? []
  const nowhere = withheld.filter((ip) => announcing.every((node) => node.withheld.some((one) => one.ip === ip)))
  const names = [...new Set([...cutOff, ...nowhere])]
  return names.length === 0 ? '' : `; no router has ${names.join(', ')}`
}

const isHeard = ({ routes }: NodeExplanation): boolean => routes.some(({ session }) => session === 'Established')
