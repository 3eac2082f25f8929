/** What of package-lock.json (version 3) is read of a package. */
interface Locked {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly link?: boolean
  readonly os?: string | readonly string[]
  readonly cpu?: string | readonly string[]
  readonly libc?: string | readonly string[]
}

export interface Lockfile {
  readonly version: string
  readonly packages: Readonly<Record<string, Locked>>
}

export interface Platform {
  /** As Node names it: `x64`, `arm64`. */
  readonly cpu: string
}

/**
 * The bill of materials of an image for Linux (CycloneDX 1.6): what the programs depend on, bundled or beside them, and Node. The same
 * lockfile gives the same text. npm's own `npm sbom --omit=dev` leaves out what a workspace also names for development. A test compares it
 * with what is in the image (lab/deploy/image.test.ts).
 */
export function sbomOf(lockfile: Lockfile, { cpu }: Platform): string {
  const components = Object.entries(lockfile.packages)
    .filter(([path, one]) => path.includes('node_modules/') && one.dev !== true && one.link !== true)
    .filter(([, one]) => isFor(one.os, 'linux') && isFor(one.cpu, cpu) && isFor(one.libc, 'glibc'))
    .map(([path, one]) => componentOf(path, one))
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': 'holdfast',
        name: 'holdfast',
        version: lockfile.version,
        licenses: [licence('Apache-2.0')],
      },
    },
    components,
    dependencies: [{ ref: 'holdfast', dependsOn: components.map((component) => component['bom-ref']) }],
  }
  return `${JSON.stringify(bom, null, 2)}\n`
}

/** npm's lists: `["linux", "!android"]`. */
function isFor(given: string | readonly string[] | undefined, value: string): boolean {
  if (given === undefined) return true
  const list = typeof given === 'string' ? [given] : given
  if (list.includes(`!${value}`)) return false
  return list.includes(value) || list.every((entry) => entry.startsWith('!'))
}

const licence = (text: string): unknown =>
  / (OR|AND|WITH) /.test(text) ? { expression: text } : { license: { id: text } }

function componentOf(path: string, one: Locked): { readonly 'bom-ref': string; readonly [field: string]: unknown } {
  const name = one.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const purl = `pkg:npm/${name.replace('@', '%40')}@${one.version ?? ''}`
  const [, algorithm, hash] = /^(sha\d+)-(.+)$/.exec(one.integrity ?? '') ?? []
  return {
    type: name.startsWith('node-linux-') ? 'application' : 'library',
    'bom-ref': purl,
    name,
    version: one.version,
    purl,
    ...(one.license === undefined ? {} : { licenses: [licence(one.license)] }),
    ...(algorithm === undefined || hash === undefined
      ? {}
      : { hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(hash, 'base64').toString('hex') }] }),
  }
}
