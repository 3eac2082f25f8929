/** A JSON value as YAML in blocks. Texts that YAML 1.1 or 1.2 could take for something else are in quotes. */
export function toYaml(value: unknown): string {
  return `${lines(value).join('\n')}\n`
}

function lines(value: unknown): readonly string[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((item) => behind('- ', lines(item)))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [scalar(value)]
  const entries = Object.entries(value)
  return entries.length === 0 ? ['{}'] : entries.flatMap(([key, field]) => fieldLines(keyText(key), field))
}

function fieldLines(key: string, field: unknown): readonly string[] {
  const [first = '', ...more] = lines(field)
  const isBlock = typeof field === 'object' && field !== null && Object.keys(field).length > 0
  return isBlock ? [`${key}:`, ...[first, ...more].map((line) => `  ${line}`)] : [`${key}: ${first}`]
}

const keyText = scalar

/** JSON is YAML; plain is what reads as the same text in every version of YAML. */
function scalar(value: unknown): string {
  const isPlain = typeof value === 'string' && plain.test(value) && !word.test(value)
  return isPlain ? value : JSON.stringify(value)
}

const plain = /^[A-Za-z.]([-\w./,;()"'+ ]*[-\w./,;()"'+])?$/
const word = /^(y|n|yes|no|on|off|true|false|null|\.nan|\.inf)$/i

const behind = (mark: string, [first = '', ...more]: readonly string[]): readonly string[] => [
  `${mark}${first}`,
  ...more.map((line) => `${' '.repeat(mark.length)}${line}`),
]
