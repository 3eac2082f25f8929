import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

const programsVariable = 'HOLDFAST_METALLB_PROGRAMS'

/** MetalLB itself: lab/README.md says how it is had. */
export interface MetallbPrograms {
  readonly controller: string
  readonly speaker: string
  /** config/manifests/metallb-native.yaml of the same version. */
  readonly manifest: string
  /** charts/metallb of the same version. */
  readonly chart: string
}

/** @throws Error where the variable is not set or something is missing. */
export function metallbPrograms(): MetallbPrograms {
  const reason = metallbSkip()
  if (reason !== false) throw new Error(reason)
  return filesIn(process.env[programsVariable] ?? '')
}

/** What `skip` of a suite with the real MetalLB is set to. Not a failure under CI: the programs come from nowhere by themselves. */
export function metallbSkip(): string | false {
  const folder = process.env[programsVariable] ?? ''
  if (folder === '')
    return `${programsVariable} names no directory with MetalLB’s programs (lab/README.md says how to get them)`
  const { controller, speaker, manifest, chart } = filesIn(folder)
  const missing = [
    ...[controller, speaker].filter((file) => !isAllowed(file, constants.X_OK)),
    ...[manifest, join(chart, 'Chart.yaml')].filter((file) => !isAllowed(file, constants.R_OK)),
  ]
  return missing.length === 0 ? false : `${missing.join(', ')} missing (lab/README.md says how to get them)`
}

const filesIn = (folder: string): MetallbPrograms => ({
  controller: join(folder, 'controller'),
  speaker: join(folder, 'speaker'),
  manifest: join(folder, 'metallb-native.yaml'),
  chart: join(folder, 'chart'),
})

function isAllowed(file: string, mode: number): boolean {
  try {
    accessSync(file, mode)
    return true
  } catch {
    return false
  }
}
