import { join } from 'node:path'
import { SpeakerProcess, type Job, type Speaker } from '../speaker.ts'
import { isListening } from '../usage.ts'

/** A speaker that is a program of this folder, called with its port and the number of routes. */
const program = (name: string, file: string): Speaker => ({
  name,
  version: () => Promise.resolve(`on Node ${process.version}`),
  start: async ({ count, directory, port, loadTimeoutMs }: Job) => {
    const command = [process.execPath, join(import.meta.dirname, file), String(port), String(count)] as const
    const speaker = new SpeakerProcess(directory, [...command])
    await speaker.until('it listens', loadTimeoutMs, () => isListening(port))
    return speaker
  },
})

/** Holdfast without manifests: its session machine and TCP driver, as the other speakers have their routes given. */
export const engine = program('holdfast sessions alone', 'engine-main.ts')

/** No speaker but bytes made beforehand: what this machine and the collector can do at most. */
export const replay = program('bytes made beforehand', 'replay-main.ts')
