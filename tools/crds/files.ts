import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { crds } from '../../packages/model/src/crd/crds.ts'
import { toYaml } from './yaml.ts'

export const folder = fileURLToPath(new URL('../../deploy/crds/', import.meta.url))

const head = '# Written by "npm run crds" from packages/model: change it there.\n'

/** What deploy/crds holds: texts by file name, one CustomResourceDefinition each. */
export async function crdFiles(): Promise<ReadonlyMap<string, string>> {
  const options = await resolveConfig(`${folder}crd.yaml`)
  const files = crds.map(async (crd) => {
    const name = `${crd.spec.group}_${crd.metadata.name.split('.')[0] ?? ''}.yaml`
    return [name, await format(`${head}${toYaml(crd)}`, { ...options, parser: 'yaml' })] as const
  })
  return new Map(await Promise.all(files))
}
