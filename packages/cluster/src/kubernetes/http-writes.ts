import type { ApiFault, ApiResult, KubeApi, KubeObject, ObjectKey, ResourceType, WriteOptions } from './api.ts'
import { apiFault } from './api-fault.ts'
import { collectionPath, keyText, objectPath, obstacleOf, queryOf } from './api-path.ts'
import type { Call } from './http-exchange.ts'
import type { Requester } from './http-request.ts'
import { fieldsAt, textAt } from './json-fields.ts'
import { apiVersionOf, objectOf } from './kube-object.ts'
import type { Fields } from './plain-data.ts'

/** After so many objects that changed between the look and the write, it is a conflict. */
const maxLooks = 5

type Verb = 'replace' | 'apply' | 'merge'

const verbs: Readonly<Record<Verb, { readonly method: 'PUT' | 'PATCH'; readonly contentType: string }>> = {
  replace: { method: 'PUT', contentType: 'application/json' },
  // JSON is YAML.
  apply: { method: 'PATCH', contentType: 'application/apply-patch+yaml' },
  merge: { method: 'PATCH', contentType: 'application/merge-patch+json' },
}

interface Write {
  readonly verb: Verb
  readonly type: ResourceType
  readonly key: ObjectKey
  readonly body: Fields
  readonly options: WriteOptions
}

interface Preconditions {
  readonly uid: string | undefined
  readonly resourceVersion: string | undefined
}

/** Everything of KubeApi that changes something, over HTTP. */
export function writesOver(requester: Requester): Omit<KubeApi, 'list' | 'get' | 'watch'> {
  const whole =
    (verb: 'replace' | 'apply') =>
    async (type: ResourceType, object: KubeObject, options: WriteOptions): Promise<ApiResult<KubeObject>> =>
      await write(requester, { verb, type, key: keyOf(object), body: typed(type, object), options })
  return {
    create: async (type, object, options) => {
      const what = `create ${keyText(type, keyOf(object))}`
      const path = `${collectionPath(type, object.metadata.namespace)}${writeQuery(options)}`
      const body = JSON.stringify(typed(type, object))
      const answer = await requester.send({ what, method: 'POST', path, body, contentType: 'application/json' })
      return answer.kind === 'fault' ? answer : objectOf(what, type, answer.value)
    },
    replace: whole('replace'),
    apply: whole('apply'),
    merge: async (type, key, body, options) => await write(requester, { verb: 'merge', type, key, body, options }),
    remove: async (type, key, preconditions) => {
      const what = `remove ${keyText(type, key)}`
      const obstacle = obstacleOf(what, type, key)
      if (obstacle !== undefined) return obstacle
      const deletion = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
      const call = { what, method: 'DELETE', path: objectPath(type, key), contentType: 'application/json' } as const
      const answer = await requester.send({ ...call, body: JSON.stringify(deletion) })
      return answer.kind === 'fault' ? answer : { kind: 'ok', value: undefined }
    },
  }
}

/** Sends a request that is answered with an object. */
export async function objectRequest(
  requester: Requester,
  type: ResourceType,
  key: ObjectKey,
  call: Call,
): Promise<ApiResult<KubeObject>> {
  const obstacle = obstacleOf(call.what, type, key)
  if (obstacle !== undefined) return obstacle
  const answer = await requester.send(call)
  return answer.kind === 'fault' ? answer : objectOf(call.what, type, answer.value)
}

async function write(requester: Requester, plan: Write): Promise<ApiResult<KubeObject>> {
  const metadata = fieldsAt(plan.body, 'metadata')
  const given = { uid: textAt(metadata, 'uid'), resourceVersion: textAt(metadata, 'resourceVersion') }
  const result = needsLook(plan, given)
    ? await lookAndWrite(requester, plan, given)
    : await writeWith(requester, plan, given)
  const hasPreconditions = given.uid !== undefined || given.resourceVersion !== undefined
  // What was to be there as it was known is not there: a conflict, whichever of the two the server calls it.
  const isMissing = hasPreconditions && result.kind === 'fault' && result.code === 'notFound'
  return isMissing ? { ...result, code: 'conflict' } : result
}

/**
 * Whether the server alone does not keep the promise of KubeApi. As kube-apiserver 1.36 does it: the version alone does not keep an
 * apply from making an object that is gone, the uid alone is not looked at with the status of a custom resource, and a
 * replacement of a Service, or of its status, makes the Service. Of both together it takes heed.
 */
function needsLook({ verb, type, options }: Write, { uid, resourceVersion }: Preconditions): boolean {
  const isCore = type.group === ''
  const hasOnlyUid = uid !== undefined && resourceVersion === undefined
  switch (verb) {
    case 'merge':
      return hasOnlyUid
    case 'replace':
      return isCore && uid === undefined
    case 'apply':
      if (uid === undefined && resourceVersion === undefined) return isCore && options.subresource !== undefined
      return uid === undefined || hasOnlyUid
  }
}

/** Reads the object and writes with the uid and the version that it has; again where it changed in between. */
async function lookAndWrite(requester: Requester, plan: Write, given: Preconditions): Promise<ApiResult<KubeObject>> {
  const { type, key } = plan
  const what = whatOf(plan)
  let result: ApiResult<KubeObject> = apiFault('conflict', `${what}: it does not stop changing`)
  for (let look = 0; look < maxLooks; look += 1) {
    const seen = await objectRequest(requester, type, key, { what, method: 'GET', path: objectPath(type, key) })
    if (seen.kind === 'fault') return seen
    const { uid, resourceVersion } = seen.value.metadata
    if (differs(given.uid, uid) || differs(given.resourceVersion, resourceVersion)) return changed(what)
    result = await writeWith(requester, plan, { uid, resourceVersion })
    const isOvertaken = result.kind === 'fault' && result.code === 'conflict' && given.resourceVersion === undefined
    if (!isOvertaken) return result
  }
  return result
}

const differs = (wanted: string | undefined, found: string | undefined): boolean =>
  wanted !== undefined && wanted !== found

const changed = (what: string): ApiFault =>
  apiFault('conflict', `${what}: the object has been modified, or is another one of that name`)

async function writeWith(
  requester: Requester,
  plan: Write,
  { uid, resourceVersion }: Preconditions,
): Promise<ApiResult<KubeObject>> {
  const { verb, type, key, options } = plan
  const metadata = { ...fieldsAt(plan.body, 'metadata'), uid, resourceVersion }
  return await objectRequest(requester, type, key, {
    ...verbs[verb],
    what: whatOf(plan),
    path: `${objectPath(type, key, options.subresource)}${writeQuery(options, verb === 'apply')}`,
    body: JSON.stringify({ ...plan.body, metadata }),
  })
}

const whatOf = ({ verb, type, key, options: { subresource } }: Write): string =>
  `${verb} ${subresource === undefined ? '' : `the ${subresource} of `}${keyText(type, key)}`

/**
 * Fields that the server does not know are dropped with a warning (fieldValidation=Warn, its default): a newer Holdfast beside older
 * CRDs writes what it can. Strict would refuse the whole write, and a Service would stay without its address.
 */
const writeQuery = ({ fieldManager }: WriteOptions, isForced = false): string =>
  queryOf({ fieldManager, force: isForced ? 'true' : undefined })

const keyOf = ({ metadata }: KubeObject): ObjectKey => ({ namespace: metadata.namespace ?? '', name: metadata.name })

const typed = (type: ResourceType, object: KubeObject): KubeObject => ({
  ...object,
  apiVersion: apiVersionOf(type),
  kind: type.kind,
})
