import { bird } from './bird.ts'
import { exabgp } from './exabgp.ts'
import { frr } from './frr.ts'
import { gobgp } from './gobgp.ts'
import { openbgpd } from './openbgpd.ts'
import type { Implementation } from './router.ts'

export const implementations: readonly Implementation[] = [frr, bird, gobgp, exabgp, openbgpd]
