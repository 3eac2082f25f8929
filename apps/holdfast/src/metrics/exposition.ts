/** One value of a metric, told from others by its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A metric with all its values at one moment. */
export interface MetricFamily {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  /** One sentence for `# HELP`. */
  readonly help: string
  readonly samples: readonly Sample[]
}

/** The media type of `exposition`. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus' text format 0.0.4. Every metric is a value that is worked out when somebody asks: nothing is kept for it. */
export const exposition = (families: readonly MetricFamily[]): string => families.map(familyText).join('')

function familyText({ name, type, help, samples }: MetricFamily): string {
  const head = `# HELP ${name} ${escaped(help, /[\\\n]/g)}\n# TYPE ${name} ${type}\n`
  return head + samples.map(({ labels, value }) => `${name}${labelsText(labels)} ${valueText(value)}\n`).join('')
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, /[\\\n"]/g)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

const escaped = (text: string, special: RegExp): string =>
  text.replace(special, (character) => (character === '\n' ? '\\n' : `\\${character}`))

/** JavaScript writes numbers as the format wants them, but for the infinities. */
const valueText = (value: number): string =>
  Math.abs(value) === Infinity ? (value > 0 ? '+Inf' : '-Inf') : String(value)
