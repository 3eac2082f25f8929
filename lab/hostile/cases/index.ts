import type { Case } from '../case.ts'
import type { Special } from '../special.ts'
import { attributeCases } from './attribute-cases.ts'
import { floodCases } from './flood-cases.ts'
import { headerCases } from './header-cases.ts'
import { openCases, otherCases } from './open-cases.ts'
import { streamCases } from './stream-cases.ts'
import { updateCases } from './update-cases.ts'

/** Every input that is some bytes at one point of a connection. */
export const cases: readonly Case[] = [...headerCases, ...openCases, ...updateCases, ...attributeCases, ...otherCases]

/** Every other one. */
export const specials: readonly Special[] = [...streamCases, ...floodCases]

/** All of them with their number within the row, as in `H1.2`. */
export const ids: ReadonlyMap<Case | Special, string> = numbered([...cases, ...specials])

function numbered(all: readonly (Case | Special)[]): ReadonlyMap<Case | Special, string> {
  const counts = new Map<string, number>()
  return new Map(
    all.map((one) => {
      const number = (counts.get(one.row) ?? 0) + 1
      counts.set(one.row, number)
      return [one, `${one.row}.${number}`]
    }),
  )
}
