import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createVirtualClock, systemClock } from '@holdfast/runtime'
import { createManifestDirectory, ManifestDirectoryError } from './manifest-directory.ts'
import type { Snapshot, Source } from './source.ts'
import { describeSourceContract, namesOf } from './testing/source-contract.ts'
import { atEnd, eventually, service, temporaryDirectory } from './testing/temporary.ts'

describeSourceContract('createManifestDirectory', (test, services) => {
  const directory = temporaryDirectory(test)
  const clock = createVirtualClock()
  const arrange = (wanted: ReadonlyMap<string, string>): void => {
    for (const name of readdirSync(directory))
      if (!wanted.has(name.replace('.yaml', ''))) unlinkSync(join(directory, name))
    for (const [name, type] of wanted) writeFileSync(join(directory, `${name}.yaml`), service(name, type))
  }
  arrange(services)
  const source = createManifestDirectory({ directory, clock })
  atEnd(test, () => source.stop())
  return { source, arrange, elapse: () => clock.advance(10) }
})

/** A directory of manifests, followed on a virtual clock. */
class Followed {
  readonly directory: string
  readonly lastGoodDirectory: string
  readonly clock = createVirtualClock()
  readonly snapshots: Snapshot[] = []
  /** Names of files that say something invalid, as whoever evaluates the objects would find. */
  faultyNames: readonly string[] = []
  readonly #test: TestContext
  #source: Source | undefined

  constructor(test: TestContext) {
    this.#test = test
    const root = temporaryDirectory(test)
    this.directory = join(root, 'manifests')
    this.lastGoodDirectory = join(root, 'last-good')
    mkdirSync(this.directory)
  }

  async start(): Promise<this> {
    const source = createManifestDirectory(this)
    this.#source = source
    atEnd(this.#test, () => source.stop())
    await source.start((snapshot) => {
      this.snapshots.push(snapshot)
      source.judge(snapshot, new Set(this.faultyNames.map((name) => this.path(name))))
    })
    return this
  }

  async restart(change: () => void): Promise<void> {
    await this.#source?.stop()
    change()
    await this.start()
  }

  path(name: string): string {
    return join(this.directory, name)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  get keptFiles(): readonly string[] {
    if (!existsSync(this.lastGoodDirectory)) return []
    return readdirSync(this.lastGoodDirectory).filter((name) => name.endsWith('.last-good'))
  }

  get last(): Snapshot {
    return this.snapshots.at(-1)!
  }

  get names(): readonly string[] {
    return namesOf(this.last)
  }

  get codes(): readonly string[] {
    return this.last.faults.map((fault) => fault.code)
  }

  /** Moves time on in small steps until the condition holds. */
  until(condition: () => boolean): Promise<void> {
    return eventually(condition, () => this.clock.advance(10))
  }

  /** Lets so much virtual time pass in small steps, with real turns for the file system between them. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    await eventually(
      () => this.clock.now() >= end,
      () => this.clock.advance(Math.min(50, ms / 4)),
    )
  }
}

describe('a manifest directory', () => {
  it('is read with everything below it, hidden files, backups and other files left out', async (test) => {
    const followed = new Followed(test)
    mkdirSync(followed.path('deep/er'), { recursive: true })
    mkdirSync(followed.path('.git'))
    followed.write('a.yaml', service('a'))
    followed.write('deep/b.yml', service('b'))
    followed.write('deep/er/c.json', '{"apiVersion": "v1", "kind": "Service",\n"metadata": {"name": "c"}}')
    for (const name of ['.a.yaml.swp', 'a.yaml~', '4913', 'README.md', '.git/x.yaml', '#a.yaml#', 'a.yaml.bak']) {
      followed.write(name, 'not: [yaml')
    }
    await followed.start()
    assert.deepEqual([followed.names, followed.codes], [['a', 'b', 'c'], []])
    assert.equal(followed.last.objects[2]!.origin.file, followed.path('deep/er/c.json'))
    assert.equal(followed.last.objects[2]!.origin.lineOf(['metadata', 'name']), 2)
  })

  it('that is missing, or no directory, is refused with a remedy', async (test) => {
    const followed = new Followed(test)
    followed.write('file', '')
    for (const [name, reason] of [
      ['missing', 'does not exist'],
      ['file', 'no directory'],
    ] as const) {
      const source = createManifestDirectory({ directory: followed.path(name), clock: followed.clock })
      await assert.rejects(
        source.start(() => undefined),
        (error) => {
          assert.ok(error instanceof ManifestDirectoryError)
          assert.match(error.message, new RegExp(reason))
          assert.notEqual(error.remedy, '')
          return true
        },
      )
    }
  })

  it('keeps the last good objects of a broken file until it is mended, and loses them with the file', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    await followed.start()
    const [good] = followed.last.objects
    followed.write('a.yaml', `${service('a')}  ports: [\n`)
    followed.write('b.yaml', service('b', 'ClusterIP'))
    await followed.until(() => followed.codes.length > 0)
    assert.equal(followed.last.objects[0], good)
    assert.deepEqual(
      followed.last.faults.map(({ file, line }) => ({ file, line })),
      [{ file: followed.path('a.yaml'), line: 8 }],
    )
    assert.deepEqual((followed.last.objects[1]?.value as { spec: unknown }).spec, { type: 'ClusterIP' })
    followed.write('a.yaml', service('a'))
    await followed.until(() => followed.codes.length === 0)
    assert.equal(followed.last.objects[0], good)
    unlinkSync(followed.path('a.yaml'))
    await followed.until(() => followed.names.length === 1)
    assert.deepEqual(followed.names, ['b'])
  })

  it('keeps what a document that is no object any more may have been, beside what the file says now', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', `${service('a')}---\n${service('b')}`)
    await followed.start()
    followed.write(
      'a.yaml',
      `${service('a').replace('kind: Service\n', '')}---\n${service('b', 'ClusterIP')}---\n${service('c')}`,
    )
    await followed.until(() => followed.codes.length > 0)
    assert.deepEqual(followed.codes, ['object-without-kind'])
    assert.deepEqual(followed.names.toSorted(), ['a', 'b', 'c'])
  })

  it('counts a change once the file was quiet for 100 ms, and a burst as one snapshot', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    followed.write('b.yaml', 'apiVersion: v1\nkind: Ser')
    await followed.pass(60)
    followed.write('b.yaml', service('b'))
    followed.write('c.yaml', service('c'))
    followed.write('a.yaml', service('a', 'ClusterIP'))
    await followed.until(() => followed.snapshots.length === 2)
    assert.deepEqual([followed.names, followed.codes], [['a', 'b', 'c'], []])
    assert.equal(followed.snapshots.length, 2)
  })

  it('shows a change on the real clock too, once the file was quiet for 100 ms', async (test) => {
    const directory = temporaryDirectory(test)
    writeFileSync(join(directory, 'a.yaml'), service('a'))
    const source = createManifestDirectory({ directory, clock: systemClock() })
    atEnd(test, () => source.stop())
    const snapshots: Snapshot[] = []
    await source.start((snapshot) => snapshots.push(snapshot))
    const began = performance.now()
    writeFileSync(join(directory, 'b.yaml'), service('b'))
    await eventually(() => snapshots.length === 2)
    const tookMs = performance.now() - began
    assert.ok(tookMs >= 99, `${tookMs} ms`)
  })

  it('takes a renamed file as the same objects from elsewhere, without a moment in which they are gone', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    await followed.start()
    renameSync(followed.path('a.yaml'), followed.path('z.yaml'))
    await followed.until(() => followed.snapshots.length === 2)
    assert.deepEqual(followed.snapshots.map(namesOf), [
      ['a', 'b'],
      ['b', 'a'],
    ])
  })

  it('believes that a file is empty only after 2 s, because editors empty a file before they write it', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    await followed.start()
    followed.write('a.yaml', '')
    await followed.pass(1_500)
    assert.deepEqual(followed.snapshots.map(namesOf), [['a', 'b']])
    followed.write('a.yaml', service('a', 'ClusterIP'))
    await followed.until(() => followed.snapshots.length === 2)
    assert.deepEqual(followed.names, ['a', 'b'])
    followed.write('a.yaml', '# nothing any more\n')
    const since = followed.clock.now()
    await followed.until(() => followed.snapshots.length === 3)
    assert.deepEqual(followed.names, ['b'])
    assert.ok(followed.clock.now() - since >= 2_000)
  })

  it('follows new directories and ones that are removed', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    mkdirSync(followed.path('new/er'), { recursive: true })
    followed.write('new/er/b.yaml', service('b'))
    await followed.until(() => followed.names.length === 2)
    followed.write('new/er/c.yaml', service('c'))
    await followed.until(() => followed.names.length === 3)
    rmSync(followed.path('new'), { recursive: true })
    await followed.until(() => followed.names.length === 1)
    assert.deepEqual(followed.names, ['a'])
  })

  it('notices when a mounted ConfigMap is swapped through its ..data link', async (test) => {
    const followed = new Followed(test)
    const put = (version: string, type: string): void => {
      mkdirSync(followed.path(`..${version}`))
      followed.write(`..${version}/a.yaml`, service('a', type))
      symlinkSync(`..${version}`, followed.path('..data_tmp'))
      renameSync(followed.path('..data_tmp'), followed.path('..data'))
    }
    put('2026_1', 'ClusterIP')
    symlinkSync('..data/a.yaml', followed.path('a.yaml'))
    await followed.start()
    assert.deepEqual(followed.names, ['a'])
    put('2026_2', 'LoadBalancer')
    rmSync(followed.path('..2026_1'), { recursive: true })
    await followed.until(() => followed.snapshots.length === 2)
    assert.deepEqual((followed.last.objects[0]?.value as { spec: unknown }).spec, { type: 'LoadBalancer' })
    assert.deepEqual([followed.names, followed.codes], [['a'], []])
  })

  it('that vanishes withdraws nothing, and is followed again when it is back', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    await followed.start()
    renameSync(followed.directory, `${followed.directory}-away`)
    await followed.until(() => followed.codes.length > 0)
    await followed.pass(5_000)
    assert.deepEqual([followed.names, followed.codes], [['a', 'b'], ['directory-unreadable']])
    renameSync(`${followed.directory}-away`, followed.directory)
    await followed.until(() => followed.codes.length === 0)
    followed.write('c.yaml', service('c'))
    await followed.until(() => followed.names.length === 3)
  })

  it('that is removed file by file and then itself withdraws nothing', async (test) => {
    const followed = new Followed(test)
    for (let index = 0; index < 50; index += 1) followed.write(`${index}.yaml`, service(`s${index}`))
    await followed.start()
    const names = readdirSync(followed.directory)
    for (const [index, name] of names.entries()) {
      unlinkSync(followed.path(name))
      if (index % 10 === 0) await followed.pass(40)
    }
    rmSync(followed.directory, { recursive: true })
    await followed.until(() => followed.codes.includes('directory-unreadable'))
    await followed.pass(3_000)
    assert.equal(followed.names.length, 50)
  })

  it('that is suddenly empty withdraws nothing until a file stands in it again', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    await followed.start()
    unlinkSync(followed.path('a.yaml'))
    unlinkSync(followed.path('b.yaml'))
    await followed.until(() => followed.codes.length > 0)
    await followed.pass(5_000)
    assert.deepEqual([followed.names, followed.codes], [['a', 'b'], ['directory-empty']])
    followed.write('none.yaml', '# everything is withdrawn on purpose\n')
    await followed.until(() => followed.names.length === 0)
    assert.deepEqual(followed.codes, [])
  })

  it('keeps the objects of files that cannot be read, and reads them once they can be', async (test) => {
    const followed = new Followed(test)
    mkdirSync(followed.path('sub'))
    for (const name of ['a', 'b', 'c', 'sub/d']) followed.write(`${name}.yaml`, service(name.replace('sub/', '')))
    await followed.start()
    rmSync(followed.path('a.yaml'))
    symlinkSync('a.yaml', followed.path('a.yaml'))
    rmSync(followed.path('b.yaml'))
    symlinkSync('nowhere', followed.path('b.yaml'))
    writeFileSync(followed.path('c.yaml'), Buffer.from([0x61, 0xff, 0xfe]))
    await followed.until(() => followed.codes.length === 3)
    assert.deepEqual(followed.names, ['a', 'b', 'c', 'd'])
    assert.deepEqual(followed.codes, ['file-unreadable', 'file-unreadable', 'file-not-utf8'])
    assert.match(followed.last.faults[0]!.message, /ELOOP/)
    for (const name of ['a', 'b', 'c']) {
      rmSync(followed.path(`${name}.yaml`))
      followed.write(`${name}.yaml`, service(name, 'ClusterIP'))
    }
    await followed.until(() => followed.codes.length === 0)
    assert.deepEqual(followed.names, ['a', 'b', 'c', 'd'])
  })

  it('keeps the objects of what it has no permission to read', async (test) => {
    const followed = new Followed(test)
    mkdirSync(followed.path('sub'))
    followed.write('a.yaml', service('a'))
    followed.write('sub/b.yaml', service('b'))
    chmodSync(join(followed.directory, '..'), 0o755)
    await followed.start()
    await eventually(() => followed.keptFiles.length === 2)
    chmodSync(followed.path('a.yaml'), 0)
    chmodSync(followed.path('sub'), 0)
    const isRoot = process.geteuid?.() === 0
    if (isRoot) process.seteuid?.(65534)
    try {
      await followed.until(() => followed.codes.length === 2)
      assert.deepEqual(followed.codes, ['directory-unreadable', 'file-unreadable'])
      assert.deepEqual(followed.names, ['a', 'b'])
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(followed.path('sub'), 0o755)
      chmodSync(followed.path('a.yaml'), 0o644)
    }
    await followed.until(() => followed.codes.length === 0)
    assert.deepEqual(followed.names, ['a', 'b'])
  })

  it('does not run in circles after a link that leads back up', async (test) => {
    const followed = new Followed(test)
    mkdirSync(followed.path('sub'))
    symlinkSync('..', followed.path('sub/up'))
    followed.write('sub/a.yaml', service('a'))
    await followed.start()
    assert.deepEqual([followed.names, followed.codes], [['a'], ['directory-loop']])
  })

  it('reads one file of 1,000 when one changes, and keeps the identity of the other 999', async (test) => {
    const directory = temporaryDirectory(test)
    for (let index = 0; index < 1_000; index += 1) writeFileSync(join(directory, `${index}.yaml`), service(`s${index}`))
    const clock = createVirtualClock()
    const source = createManifestDirectory({ directory, clock })
    atEnd(test, () => source.stop())
    const snapshots: Snapshot[] = []
    await source.start((snapshot) => snapshots.push(snapshot))
    const before = new Set(snapshots[0]!.objects)
    assert.equal(before.size, 1_000)
    writeFileSync(join(directory, '500.yaml'), service('s500', 'ClusterIP'))
    await eventually(
      () => snapshots.length === 2,
      () => clock.advance(10),
    )
    assert.equal(snapshots[1]!.objects.filter((object) => !before.has(object)).length, 1)
  })
})

describe('a directory that takes the place of the one before', () => {
  it('is followed within seconds, and so are later edits in it', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    const next = `${followed.directory}.next`
    mkdirSync(next)
    writeFileSync(join(next, 'b.yaml'), service('b'))
    renameSync(followed.directory, `${followed.directory}.old`)
    renameSync(next, followed.directory)
    const begin = followed.clock.now()
    await followed.until(() => followed.names.join() === 'b')
    followed.write('c.yaml', service('c'))
    await followed.until(() => followed.names.join() === 'b,c')
    assert.ok(followed.clock.now() - begin < 10_000)
  })
})

describe('a link to a directory', () => {
  it('whose target goes away keeps what was read through it', async (test) => {
    const followed = new Followed(test)
    const target = `${followed.directory}-elsewhere`
    mkdirSync(target)
    writeFileSync(join(target, 'a.yaml'), service('a'))
    followed.write('b.yaml', service('b'))
    symlinkSync(target, followed.path('linked'))
    await followed.start()
    renameSync(target, `${target}.away`)
    await followed.until(() => followed.codes.includes('directory-unreadable'))
    await followed.pass(5_000)
    assert.deepEqual(followed.names, ['b', 'a'])
    unlinkSync(followed.path('linked'))
    await followed.until(() => followed.names.length === 1)
    assert.deepEqual([followed.names, followed.codes], [['b'], []])
  })
})

describe('a write under way', () => {
  it('is waited for where the text is the beginning of the one before', async (test) => {
    const followed = new Followed(test)
    const whole = `${service('a')}---\n${service('b')}`
    followed.write('a.yaml', whole)
    await followed.start()
    followed.write('a.yaml', whole.slice(0, whole.indexOf('---')))
    await followed.pass(1_000)
    assert.deepEqual(followed.names, ['a', 'b'])
    followed.write('a.yaml', `${whole}# done\n`)
    await followed.pass(5_000)
    assert.deepEqual(followed.names, ['a', 'b'])
    followed.write('a.yaml', whole.slice(0, whole.indexOf('---')))
    await followed.until(() => followed.names.length === 1)
    assert.deepEqual([followed.names, followed.codes], [['a'], []])
  })

  it('that stopped inside a line changes nothing, and is told', async (test) => {
    const followed = new Followed(test)
    const whole = `${service('a')}---\n${service('b')}`
    followed.write('a.yaml', whole)
    await followed.start()
    for (let end = whole.indexOf('---') + 4; end < whole.length - 1; end += 13) {
      if (whole[end - 1] === '\n') continue
      followed.write('a.yaml', whole.slice(0, end))
      await followed.until(() => followed.codes.length > 0)
      assert.deepEqual(followed.names, ['a', 'b'], whole.slice(0, end))
      followed.write('a.yaml', whole)
      await followed.until(() => followed.codes.length === 0)
    }
  })
})

describe('the last good manifests', () => {
  it('stand in for a file that is broken at the next start', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    followed.write('c.yaml', service('c'))
    await followed.start()
    await followed.restart(() => {
      followed.write('a.yaml', 'apiVersion: v1\nkind: [\n')
      followed.write('c.yaml', '')
    })
    assert.deepEqual(followed.names, ['a', 'b', 'c'])
    assert.deepEqual(followed.codes, ['yaml-unclosed'])
    await followed.until(() => followed.names.length === 2)
    assert.deepEqual(followed.names, ['a', 'b'])
  })

  it('follow edits made while running, and are forgotten with their files', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    followed.write('b.yaml', service('b'))
    followed.write('c.yaml', service('c'))
    await followed.start()
    followed.write('a.yaml', service('a2'))
    unlinkSync(followed.path('b.yaml'))
    await followed.until(() => followed.names.length === 2)
    await followed.restart(() => unlinkSync(followed.path('c.yaml')))
    await followed.restart(() => {
      for (const name of ['a', 'b', 'c']) followed.write(`${name}.yaml`, 'broken: [\n')
    })
    assert.deepEqual(followed.names, ['a2'])
  })

  it('are of texts that were judged good, and come with the first snapshot of the next start', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    followed.faultyNames = ['a.yaml', 'b.yaml']
    followed.write('a.yaml', service('wrong'))
    followed.write('b.yaml', service('newcomer'))
    await followed.until(() => followed.names.includes('newcomer') && followed.names.includes('wrong'))
    followed.snapshots.length = 0
    await followed.restart(() => undefined)
    const [first, ...others] = followed.snapshots
    assert.deepEqual(
      [first!.objects, first!.lastGood!].map((objects) => namesOf({ objects })),
      [['wrong', 'newcomer'], ['a']],
    )
    assert.ok(others.every(({ lastGood }) => lastGood === undefined))
  })

  it('that are still what the file says are the same objects', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', `${service('a')}---\n${service('b')}`)
    await followed.start()
    followed.snapshots.length = 0
    await followed.restart(() => undefined)
    assert.deepEqual(followed.last.lastGood?.length, 2)
    assert.ok(followed.last.lastGood.every((object, index) => object === followed.last.objects[index]))
  })

  it('stand in for a directory that is gone at the next start, until it is back', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    await followed.restart(() => renameSync(followed.directory, `${followed.directory}.away`))
    assert.deepEqual([followed.names, followed.codes], [['a'], ['directory-unreadable']])
    renameSync(`${followed.directory}.away`, followed.directory)
    followed.write('b.yaml', service('b'))
    await followed.until(() => followed.names.includes('b'))
    assert.deepEqual([followed.names, followed.codes], [['a', 'b'], []])
  })

  it('stand in for a whole directory that is empty at the next start', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    await followed.restart(() => unlinkSync(followed.path('a.yaml')))
    assert.deepEqual([followed.names, followed.codes], [['a'], ['directory-empty']])
    followed.write('b.yaml', service('b'))
    await followed.until(() => followed.names.includes('b'))
    assert.deepEqual(followed.names, ['b'])
  })

  it('are kept for their user alone and hold no Secret, all else on its line', async (test) => {
    const followed = new Followed(test)
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: hunter2\n'
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${secret.trimEnd().replaceAll('\n', '\n  ')}\n- ${service('l').trimEnd().replaceAll('\n', '\n  ')}\n`
    followed.write('a.yaml', `${secret}---\n${list}---\n${service('a')}`)
    followed.write('only-secrets.yaml', secret)
    await followed.start()
    const line = followed.last.objects
      .find(({ value }) => (value as { metadata: { name: string } }).metadata.name === 'a')
      ?.origin.lineOf([])
    await followed.restart(() => followed.write('a.yaml', 'a: [\n'))
    const files = readdirSync(followed.lastGoodDirectory)
    assert.equal(files.length, 1)
    assert.equal(statSync(followed.lastGoodDirectory).mode & 0o777, 0o700)
    assert.equal(statSync(join(followed.lastGoodDirectory, files[0]!)).mode & 0o777, 0o600)
    assert.doesNotMatch(readFileSync(join(followed.lastGoodDirectory, files[0]!), 'utf8'), /hunter2|Secret/)
    assert.deepEqual(followed.names, ['l', 'a', 's'])
    assert.equal(followed.last.objects[1]!.origin.lineOf([]), line)
  })

  it('that are torn count as none', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    await followed.start()
    await followed.restart(() => {
      const [file] = readdirSync(followed.lastGoodDirectory)
      const path = join(followed.lastGoodDirectory, file!)
      writeFileSync(path, readFileSync(path, 'utf8').replace('kind: Service', 'kind: Sirvice'))
      followed.write('a.yaml', 'a: [\n')
    })
    assert.deepEqual([followed.names, followed.codes], [[], ['yaml-unclosed']])
  })

  it('that cannot be kept are a fault, not an end', async (test) => {
    const followed = new Followed(test)
    followed.write('a.yaml', service('a'))
    writeFileSync(followed.lastGoodDirectory, 'a file is in the way')
    await followed.start()
    await followed.until(() => followed.codes.includes('last-good-unwritable'))
    assert.deepEqual(followed.names, ['a'])
    assert.ok(existsSync(followed.lastGoodDirectory))
  })
})
