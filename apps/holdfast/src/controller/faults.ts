import type { ApiFault } from '@holdfast/cluster'

/** What a failed write means for what comes next. */
export type Remedy =
  /** Another one was first, or the object is not what we thought: read it again. */
  | 'readAgain'
  /** It may have been carried out, and the server cannot be relied on just now. */
  | 'unknownOutcome'
  /** It may have been carried out; what is wrong may be with this object alone, as where a webhook fails for its namespace. */
  | 'unclear'
  /** Nothing was done, and other requests would fare no better just now. */
  | 'pause'
  /** This request will not succeed as it is: not to be repeated soon. */
  | 'giveTime'

export function remedyOf({ code, status }: Pick<ApiFault, 'code' | 'status'>): Remedy {
  switch (code) {
    case 'conflict':
    case 'alreadyExists':
    case 'notFound':
      return 'readAgain'
    case 'unreachable':
    case 'timeout':
      return 'unknownOutcome'
    case 'serverError':
      // 503 is said by a server, or by what stands before it, of itself; the others of 5xx by what failed on the way of this request.
      return status === 503 ? 'unknownOutcome' : 'unclear'
    case 'badAnswer':
    case 'gone':
      return 'unclear'
    case 'tooManyRequests':
    case 'unauthorized':
      return 'pause'
    case 'forbidden':
    case 'invalid':
      return 'giveTime'
  }
}

/** Whether the request may have been carried out although it failed. */
export const isUnknown = (remedy: Remedy): boolean => remedy === 'unknownOutcome' || remedy === 'unclear'
