import type { ApiFault } from '@holdfast/cluster'

/** What a failed write means for what comes next. */
export type Remedy =
  /** Another one was first, or the object is not what we thought: read it again. */
  | 'readAgain'
  /** It may have been carried out: read again before anything else is built on it. The server cannot be relied on just now. */
  | 'unknownOutcome'
  /** Nothing was done, and other requests would fare no better just now. */
  | 'pause'
  /** This request will not succeed as it is: not to be repeated soon. */
  | 'giveTime'

export function remedyOf({ code }: ApiFault): Remedy {
  switch (code) {
    case 'conflict':
    case 'alreadyExists':
    case 'notFound':
      return 'readAgain'
    case 'unreachable':
    case 'timeout':
    case 'serverError':
    case 'badAnswer':
    case 'gone':
      return 'unknownOutcome'
    case 'tooManyRequests':
    case 'unauthorized':
      return 'pause'
    case 'forbidden':
    case 'invalid':
      return 'giveTime'
  }
}
