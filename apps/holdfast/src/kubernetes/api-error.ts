import type { ApiFault } from '@holdfast/cluster'
import { StartUpError } from '../start-up-error.ts'

/** Which API server a command talks to, of the several that a person may have. Nothing of the credentials themselves. */
export interface ServerPlace {
  /** `https://192.0.2.1:6443`. */
  readonly url: string
  /** Where server and credentials come from, for people: `/home/ada/.kube/config, context "lab"`. */
  readonly origin: string
  /** kubectl with the options by which it talks to the same server. */
  readonly kubectl: string
}

/** The API server refused, or did not answer. `remedyAt` says what to do where it is known which server that is. */
export class ApiError extends StartUpError {
  readonly remedyAt: (place: ServerPlace) => string

  /** `rights` are what the request needs: `the verb list on nodes`. */
  constructor(what: string, fault: ApiFault, rights: string) {
    super(`${what}: ${fault.message}`, remedyFor(fault, rights))
    this.remedyAt = (place) => remedyFor(fault, rights, place)
  }
}

/**
 * What a person can do where the API server refused or did not answer; `rights` are what the request needs. A command to type is the end of it,
 * without a full stop, so that it can be copied.
 */
export function remedyFor({ code }: Pick<ApiFault, 'code'>, rights: string, place?: ServerPlace): string {
  const asked = place === undefined ? '' : ` Asked was ${place.url}, from ${place.origin}.`
  const kubectl = place?.kubectl ?? 'kubectl'
  const remedies: Partial<Record<ApiFault['code'], string>> = {
    forbidden: `You need ${rights}: ask whoever gives out roles in this cluster.${asked} What you have there: ${kubectl} auth can-i --list`,
    unauthorized: `Log in to the cluster again.${asked} Whom it takes you for: ${kubectl} auth whoami`,
    conflict: `Somebody else has just changed it: try again.${asked}`,
    invalid: `Do what the API server says.${asked}`,
    notFound: `It went away just now: look again.${asked}`,
  }
  return remedies[code] ?? `${asked} Look whether it answers anybody: ${kubectl} get --raw /readyz`.trimStart()
}
