import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before } from 'node:test'
import { createVirtualClock, systemClock, type VirtualClock } from '@holdfast/runtime'
import type { Credentials } from '../kubernetes/credentials-types.ts'
import { loadCredentials, type CredentialsOptions } from '../kubernetes/credentials.ts'
import { createHttpApi, type HttpApi, type HttpApiOptions } from '../kubernetes/http-api.ts'
import {
  createTestAuthority,
  startFakeKubeServer,
  type FakeKubeServer,
  type Protocol,
  type TestAuthority,
} from './fake-kube-server.ts'

export const canary = 'canary-token-8f3a'

/** A server, a service account in a directory, and clients that use it. */
export interface HttpScene {
  readonly server: () => FakeKubeServer
  readonly authority: () => TestAuthority
  /** Of the service account. */
  readonly directory: () => string
  readonly write: (name: 'token' | 'ca.crt', text: string) => void
  /** By which the age of files is judged. */
  readonly credentialsClock: () => VirtualClock
  readonly credentials: (options?: Partial<CredentialsOptions>) => Promise<Credentials>
  readonly client: (options?: Partial<HttpApiOptions>) => Promise<HttpApi>
}

/** To be called at the top of a test file. */
export function useHttpScene(protocol: Protocol): HttpScene {
  let authority: TestAuthority | undefined
  let scene: { readonly server: FakeKubeServer; readonly directory: string; readonly clock: VirtualClock } | undefined
  const clients: HttpApi[] = []
  const current = async () => {
    if (scene !== undefined) return scene
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-credentials-'))
    scene = { server: await startFakeKubeServer(theAuthority(), protocol), directory, clock: createVirtualClock(1000) }
    write('token', canary)
    write('ca.crt', theAuthority().certificate)
    return scene
  }
  const theAuthority = (): TestAuthority => (authority ??= createTestAuthority('authority'))
  const now = () => {
    assert.ok(scene !== undefined)
    return scene
  }
  const write = (name: string, text: string): void => writeFileSync(join(now().directory, name), text)
  const close = async (): Promise<void> => {
    for (const client of clients.splice(0)) client.close()
    if (scene === undefined) return
    await scene.server.stop()
    rmSync(scene.directory, { recursive: true })
    scene = undefined
  }
  const credentials = async (options: Partial<CredentialsOptions> = {}): Promise<Credentials> => {
    const { server, directory, clock } = now()
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(server.port) }
    const all = { clock, wallNowMs: () => 0, env, homeDirectory: directory, serviceAccountDirectory: directory }
    const loaded = await loadCredentials({ ...all, ...options })
    if (loaded.kind === 'fault') assert.fail(`${loaded.reason}. ${loaded.remedy}`)
    return loaded.value
  }
  before(async () => {
    await current()
  })
  afterEach(async () => {
    await close()
    await current()
  })
  after(close)
  return {
    server: () => now().server,
    authority: theAuthority,
    directory: () => now().directory,
    write,
    credentialsClock: () => now().clock,
    credentials,
    client: async (options = {}) => {
      const defaults = { clock: systemClock(), wallNowMs: () => Date.now(), userAgent: 'holdfast-test/1' }
      const client = createHttpApi({
        ...defaults,
        credentials: options.credentials ?? (await credentials()),
        ...options,
      })
      clients.push(client)
      return client
    },
  }
}
