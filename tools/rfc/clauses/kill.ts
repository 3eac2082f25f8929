import type { Clause } from '../clause.ts'

export const clauses: readonly Clause[] = [
  {
    id: 'rfc4724-4.1-forwarding-preserved',
    level: 'MUST',
    text: 'A speaker that restarts keeps forwarding as before while it does, so that no packet of its routes is lost.',
  },
]
