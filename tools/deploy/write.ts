// `npm run manifests`: writes deploy/manifests and the tables of docs/reference/{metrics,rbac}.md anew. Needs helm, which is
// built into a cache where it is not there.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensurePrograms } from '../../lab/cluster/binaries.ts'
import { folder, manifestFiles } from './manifests.ts'
import { pages, root } from './pages.ts'

for (const [path, text] of pages()) writeFileSync(join(root, path), text)
const { helm } = await ensurePrograms(['helm'])
mkdirSync(folder, { recursive: true })
for (const [name, text] of manifestFiles(helm)) writeFileSync(join(folder, name), text)
