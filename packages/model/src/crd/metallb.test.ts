import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { parse as parseYaml } from 'yaml'
import type { Crd } from './definition.ts'
import { crdOf } from './definition.ts'
import { metallbCrds } from './metallb.ts'

const folder = new URL('../../../../../shared/metallb-crds/', import.meta.url)
const isAbsent = !existsSync(folder)

/**
 * What MetalLB's CRDs say, as digests of `essence`: they stand in for the CRDs themselves, which are not part of this project. Of
 * MetalLB main of July 2026; written by hand from what the test below shows where it finds another one.
 */
const digests: Readonly<Record<string, string>> = {
  'bfdprofiles.metallb.io': '1c4ed74836b79a3df871be66843f185cda5b4cb478a1daee58e9dceed52000cb',
  'bgpadvertisements.metallb.io': '63953f0d71da1f396d56c423bd568d981aac2e18194af646d304203a434cbf1a',
  'bgppeers.metallb.io': '26504eda2ef5cb05c2ee23a4554eb71bf804a9a1ba01711280d58d0b56323586',
  'communities.metallb.io': '022ab3fe885311c871a6d34d0fddb6ce89d8a4369ffb70adab634f39c6ab132f',
  'configurationstates.metallb.io': '94c3c8f74ef05b554d7cd38855a0ab86a389e6e07ddc1b526349f75862fe4265',
  'ipaddresspools.metallb.io': '7c6e8fa825830a6bfeea4a43d7633b7daf159f9abe4d19c7ca927bb159f0aa14',
  'l2advertisements.metallb.io': 'f524ea818e674d9a68b4ff1e471b4ef7e9818d4db5c84b589f405c69ad1767a2',
  'servicebgpstatuses.metallb.io': 'd4fbd2c8752c845e8901d41429f2c743768d389f95205c553343400e994da839',
  'servicel2statuses.metallb.io': 'd33a42fab0c2e3b384785eaef2f477fef71adfc1876ae711b5703188836d5ada',
}

/** Words for a person, which are our own. */
const words: ReadonlySet<string> = new Set(['description', 'message', 'deprecationWarning'])

/** Lists whose order means nothing. */
const unordered: ReadonlySet<string> = new Set(['required', 'enum'])

/** What of a CRD decides which objects are accepted, stored and shown, and how; keys in one order. */
function essence(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => essence(item))
    return unordered.has(key) ? items.sort() : items
  }
  if (typeof value !== 'object' || value === null) return value
  const isNames = key === 'properties'
  const entries = Object.entries(value)
    .filter(([name, field]) => isNames || !words.has(name) || typeof field !== 'string')
    .map(([name, field]) => [name, essence(field, isNames ? '' : name)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries)
}

/** But for the conversion: by a webhook there, and here without. */
const essenceOf = ({ metadata: { name }, spec: { group, names, scope, versions } }: Crd): unknown =>
  essence({ name, group, names, scope, versions })

const digestOf = (crd: Crd): string =>
  createHash('sha256')
    .update(JSON.stringify(essenceOf(crd)))
    .digest('hex')

const ours = metallbCrds.map(crdOf)

test("each CRD of MetalLB's group accepts, stores and shows what MetalLB's own did in July 2026", () => {
  assert.deepEqual(Object.fromEntries(ours.map((crd) => [crd.metadata.name, digestOf(crd)])), digests)
})

test(
  "each CRD of MetalLB's group says what MetalLB's own says",
  { skip: isAbsent && "MetalLB's CRDs are not beside the repository" },
  () => {
    const theirs = readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => parseYaml(readFileSync(new URL(file, folder), 'utf8')) as Crd)
    const byName = (crds: readonly Crd[]) => Object.fromEntries(crds.map((crd) => [crd.metadata.name, essenceOf(crd)]))
    assert.deepEqual(byName(ours), byName(theirs))
    for (const crd of theirs) assert.equal(digestOf(crd), digests[crd.metadata.name])
  },
)

test('no CRD needs a webhook', () => {
  for (const { spec } of ours) assert.deepEqual(spec.conversion, { strategy: 'None', webhook: null })
})
