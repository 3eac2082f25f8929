// `npm run sbom [-- CPU]`: prints the bill of materials of the image (CycloneDX). CPU as Node names it; unless given, this machine's.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './pages.ts'
import type { Lockfile } from './sbom.ts'
import { sbomOf } from './sbom.ts'

const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile
process.stdout.write(sbomOf(lockfile, { cpu: process.argv[2] ?? process.arch }))
