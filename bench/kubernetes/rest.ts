import { setTimeout as pause } from 'node:timers/promises'
import { memory } from '../routes/usage.ts'
import { figure, type Figures } from './figures.ts'
import { paths } from './objects.ts'
import { isLease, sumOf } from './requests.ts'
import { roles, type Stage } from './stage.ts'

const restMs = 15_000

/** Resident memory of both programs once they have come to rest, and 15 s later. */
export async function resident(stage: Stage): Promise<Figures> {
  await stage.settle()
  // What a program does of its own accord once it has nothing to do.
  await pause(restMs)
  return roles.flatMap((role) => {
    const { residentMiB, peakResidentMiB } = memory(stage.pid(role))
    return [figure(`${role}: resident, MiB`, residentMiB), figure(`${role}: resident at most, MiB`, peakResidentMiB)]
  })
}

/** What both do while nothing changes. */
export async function idle(stage: Stage, seconds: number): Promise<Figures> {
  await stage.settle()
  stage.requests()
  const before = stage.usage()
  const start = performance.now()
  await pause(seconds * 1000)
  const elapsedSeconds = (performance.now() - start) / 1000
  const after = stage.usage()
  const taken = stage.requests()
  return roles.flatMap((role) => [
    figure(
      `idle: requests of the ${role} a minute`,
      (sumOf(taken[role], (name) => !isLease(name)) * 60) / elapsedSeconds,
      1,
    ),
    figure(
      `idle: requests of the ${role} for its lease a minute`,
      (sumOf(taken[role], isLease) * 60) / elapsedSeconds,
      1,
    ),
    figure(`idle: CPU of the ${role}, %`, ((after[role] - before[role]) / elapsedSeconds) * 100, 2),
  ])
}

/** A router that says nothing after its OPEN, with a hold time of 3 s. A speaker that keeps the session for longer than `limitMs` gets that as its figure. */
export async function silence(stage: Stage, limitMs = 30_000): Promise<Figures> {
  const router = await stage.addSilentRouter()
  try {
    await router.until('the speaker dials', () => router.isUp, 60_000)
    const start = performance.now()
    while (router.keptSilentMs === undefined && performance.now() - start < limitMs) await pause(20)
    return [figure('silent router, hold time 3 s: session kept, s', (router.keptSilentMs ?? limitMs) / 1000, 2)]
  } finally {
    router.close()
    await stage.cluster.client().remove(`${paths.peers}/silent`)
  }
}
