import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { Json } from '../harness/json.ts'

/** The least time between two questions: an answer is about all peers. */
const restMs = 200

/** What the program shows of its peers (`holdfast peers -o json`), asked for all who want to know at once. */
export class PeersApi {
  readonly #socketPath: string
  #next: Promise<ReadonlyMap<string, Json>> | undefined

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** A peer as it is after this call. */
  async view(peer: string): Promise<Json> {
    this.#next ??= this.#ask()
    const view = (await this.#next).get(peer)
    if (view === undefined) throw new Error(`holdfast shows no peer ${peer}`)
    return view
  }

  async #ask(): Promise<ReadonlyMap<string, Json>> {
    await pause(restMs)
    // Whoever comes from here on asks anew.
    this.#next = undefined
    const answer = Json.parse(await this.#get('/v1/peers'))
    return new Map(
      answer
        .at('peers')
        .list()
        .map((view) => [view.at('peer').text(), view]),
    )
  }

  #get(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asking = request({ socketPath: this.#socketPath, path }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => (text += part))
        response.on('end', () => resolve(text))
        response.on('error', reject)
      })
      asking.on('error', reject)
      asking.end()
    })
  }
}

/** `null` in the program's JSON: it has nothing to say here. */
export const isNull = (value: Json): boolean => {
  try {
    return value.keys().length === 0
  } catch {
    return true
  }
}

/** A text that is safe on a screen, or none: no control characters, nothing that turns the direction of writing. */
export const isSafe = (text: Json): boolean => {
  try {
    return !/\p{C}/u.test(text.text())
  } catch {
    return true
  }
}
