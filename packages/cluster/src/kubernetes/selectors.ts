/** Says whether an object's labels, or fields, are selected. */
type Requirement = (read: (key: string) => string | undefined) => boolean

/** What a selector asks for; `keys` are those that it names. */
export interface Selector {
  readonly keys: readonly string[]
  readonly selects: Requirement
}

const pattern = {
  set: /^(?<not>!?)(?<key>[^\s!=,()]+)$/,
  equality: /^(?<key>[^\s!=,()]+)\s*(?<operator>==?|!=)\s*(?<value>[^\s!=,()]*)$/,
  membership: /^(?<key>[^\s!=,()]+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/,
} as const

/** Reads a label selector as the API takes it (`a=b,c!=d,e in (f,g),!h`); undefined: it is none. */
export const parseLabelSelector = (text: string): Selector | undefined => parse(text, [equality, membership, existence])

/** Reads a field selector (`metadata.name=a,spec.type!=b`); undefined: it is none. */
export const parseFieldSelector = (text: string): Selector | undefined => parse(text, [equality])

interface Term {
  readonly key: string
  readonly isMet: Requirement
}

function parse(text: string, readers: readonly ((term: string) => Term | undefined)[]): Selector | undefined {
  if (text.trim() === '') return { keys: [], selects: () => true }
  const terms: Term[] = []
  for (const part of text.split(/,(?![^()]*\))/)) {
    const term = readers.map((read) => read(part.trim())).find((found) => found !== undefined)
    if (term === undefined) return undefined
    terms.push(term)
  }
  return { keys: terms.map(({ key }) => key), selects: (read) => terms.every(({ isMet }) => isMet(read)) }
}

function equality(text: string): Term | undefined {
  const { key, operator, value } = pattern.equality.exec(text)?.groups ?? {}
  if (key === undefined || value === undefined) return undefined
  return { key, isMet: operator === '!=' ? (read) => read(key) !== value : (read) => read(key) === value }
}

function membership(text: string): Term | undefined {
  const { key, operator, values } = pattern.membership.exec(text)?.groups ?? {}
  if (key === undefined || values === undefined) return undefined
  const wanted = new Set<string | undefined>(values.split(',').map((value) => value.trim()))
  return { key, isMet: operator === 'in' ? (read) => wanted.has(read(key)) : (read) => !wanted.has(read(key)) }
}

function existence(text: string): Term | undefined {
  const { key, not } = pattern.set.exec(text)?.groups ?? {}
  if (key === undefined) return undefined
  return { key, isMet: not === '!' ? (read) => read(key) === undefined : (read) => read(key) !== undefined }
}
