import { Schema, type ScalarTag } from 'yaml'

/*
 * Plain scalars are read as the YAML parser of Kubernetes reads them (sigs.k8s.io/yaml over go-yaml v2, resolve.go), so
 * that one manifest means the same here and to kubectl:
 *
 * - `yes`, `no`, `on`, `off`, `y`, `n` in their usual spellings are booleans; a name or label of that spelling needs quotes;
 * - `010` is octal (8), `0o10`, `0x1f` and `0b11` are integers, `1_000` is 1000, and `09` is the decimal 9;
 * - nothing is sexagesimal: `65000:100` stays the string that a BGP community is, `12:30:45` stays a string too;
 * - dates stay strings; `<<` merges.
 *
 * One deliberate difference: keys of mappings are always strings, as written (`on: x` has the key "on", not "true").
 */
const booleans: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:[yY]|[nN]|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|yes|true|on)$/i.test(text),
}

const integers: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)$/,
  resolve: (text) => integerOf(text.replaceAll('_', '')),
}

const floats: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?(?:\.[0-9]|[0-9])[0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$/,
  resolve: (text) => Number(text.replaceAll('_', '')),
}

const nonNumbers: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
  resolve: (text) => (/nan$/i.test(text) ? NaN : text.startsWith('-') ? -Infinity : Infinity),
}

/** The schema that manifests are read with. */
export const manifestSchema = new Schema({
  schema: 'failsafe',
  merge: true,
  resolveKnownTags: false,
  customTags: (tags) => [...tags, 'null', booleans, integers, floats, nonNumbers],
})

function integerOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1
  const digits = text.replace(/^[-+]/, '')
  const isOldOctal = /^0[0-7]+$/.test(digits)
  return sign * Number(isOldOctal ? `0o${digits.slice(1)}` : digits)
}
