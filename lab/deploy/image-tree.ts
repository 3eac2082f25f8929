import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './helm.ts'

/** Where the programs lie in the image. */
export const library = 'usr/lib/holdfast'

/** Makes the tree of the image below the folder, by the Dockerfile's own steps, and returns where it is. */
export function assembleImage(folder: string): string {
  const image = join(folder, 'image')
  const source = join(folder, 'source')
  for (const path of [
    'package.json',
    'package-lock.json',
    'LICENSE',
    'packages',
    'apps',
    'tools/build',
    'deploy/image',
  ]) {
    mkdirSync(dirname(join(source, path)), { recursive: true })
    cpSync(join(root, path), join(source, path), { recursive: true, filter: (file) => !isLeftOut(file) })
  }
  execFileSync('sh', [join(source, 'deploy/image/assemble.sh'), source, join(image, library), image], {
    env: { ...process.env, npm_config_prefer_offline: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  addLibraries(image)
  mkdirSync(join(image, library, 'cache'))
  chmodSync(join(image, library, 'cache'), 0o1777)
  for (const owner of ['0:0', '65534:65534']) {
    execFileSync('sh', [join(source, 'deploy/image/warm.sh'), 'chroot', `--userspec=${owner}`, image])
  }
  // The base image has them.
  for (const name of [
    'proc',
    'tmp',
    'dev',
    'run/holdfast',
    'var/lib/holdfast',
    'var/run/secrets/kubernetes.io/serviceaccount',
  ]) {
    mkdirSync(join(image, name), { recursive: true })
  }
  return image
}

const isLeftOut = (file: string): boolean => /\/(node_modules|testdata)(\/|$)|\.test\.ts$/.test(file)

/** What the base image brings: the C and C++ libraries that Node is linked with, here this machine's. */
function addLibraries(image: string): void {
  const said = execFileSync('ldd', [join(image, library, 'bin/node')], { encoding: 'utf8' })
  for (const [file] of said.matchAll(/\/\S+/g)) {
    mkdirSync(join(image, dirname(file)), { recursive: true })
    copyFileSync(file, join(image, file))
  }
}
