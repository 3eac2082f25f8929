import { fileURLToPath } from 'node:url'
import type { Crd } from '../../packages/model/src/crd/definition.ts'
import type { Schema } from '../../packages/model/src/crd/structural.ts'
import { crds } from '../../packages/model/src/crd/crds.ts'

/** The pages of docs/reference that list the fields of a kind. PeerPolicy has one that was written by hand. */
const intros: Readonly<Record<string, { readonly file: string; readonly text: string }>> = {
  NodeState: {
    file: 'node-state.md',
    text: `# NodeState: a node as its speaker sees it

\`holdfast.dev/v1alpha1\` NodeState, one for each node, with the node's name, in Holdfast's namespace. The speaker makes it and writes its
status: when something changed, at most once a second, and not at all when nothing did. \`spec.drain\` is for people:
\`kubectl holdfast drain NODE\` sets it, \`undrain\` takes it away. \`spec.question\` is for the speakers of other nodes (below), and for
\`drain --wait\`, \`undrain --wait\`, \`explain\` and \`status\`, which want to know whether the speaker is alive.

\`\`\`console
$ kubectl get nodestates -n metallb-system
NAME     SESSIONS   ROUTES   DRAIN       SAFE TO REBOOT   AGE
node-a   2/2        1000                 False            12d
node-b   2/2        0        Withdrawn   True             12d
\`\`\`

\`-o wide\` adds the connections that have not ended and the version of the speaker. The short name is \`nst\`; \`kubectl get holdfast\`
shows all kinds of the group.

| condition | True means |
|---|---|
| \`Announcing\` | the node announces what it is configured to announce |
| \`SafeToReboot\` | no route of the node is left at a router, and no connection through it that packets pass ([drain](cluster-commands.md#holdfast-drain-node-holdfast-undrain-node)) |
| \`ConfigurationValid\` | nothing of the configuration that concerns the node is refused |

A node leaves in phases: \`GracefulShutdown\` (routes carry the community GRACEFUL_SHUTDOWN, RFC 8326, so that routers prefer other nodes),
then \`Withdrawn\`; or \`HeldBack\` first, while a prefix has no other announcer: \`drain.heldBack\` names it. Another announcer is a node that
is Ready and stays, offers the prefix to a peer whose session is Established, and whose speaker is alive. Nothing here moves while all is
well, so the speaker that leaves asks: it writes \`spec.question\` into the NodeState of another node, and that one's speaker writes its id into
\`status.answer\`. A node that has not answered within ten seconds is not relied on: what it would take over is held back (\`noAnswer\`, with
the name of the node) and goes as soon as it answers, or another one does.

What somebody else writes into \`status\` is put right at once, at most every ten seconds.
`,
  },
  AddressBlock: {
    file: 'address-block.md',
    text: `# AddressBlock: who holds which address

\`holdfast.dev/v1alpha1\` AddressBlock: one for each block of 64 addresses of which one is or was in use (a /26 of IPv4, a /122 of IPv6), in
Holdfast's namespace. The controller writes them; nobody else should. They are why no address is ever given to two Services,
also while two controllers take themselves for the leader:

- The name is made of the first address (\`ipv4-192.0.2.0\`, \`ipv6-2001-db8-0-0-0-0-0-0\`), and the API server refuses another one. So an
  address has one place where its holder stands.
- A write succeeds only on the version that the writer has read. Of two controllers that give one address away, one is
  refused, and reads again.
- The status of a Service names an address only after the block names the Service, by its uid, or after the block says that the leader has
  set the address aside for whoever comes next (\`reserved\`): so a Service that comes alone waits for one write and not for two, and the
  block names it right afterwards.
- What a leader has set aside that was lost is given to nobody by the next one, until it is sure that the lost one gives nothing away any
  more. That takes 20 minutes, for at most four addresses of a pool and family; whoever asks for one of them by name is told
  (\`addressReserved\`). A controller that is stopped in order leaves nothing set aside.
- A Service leaves the block only after its status does not name the address any more, or when it is gone.
- A Service that is not served any more leaves it too: one of another type loses the addresses in its status first. One of another
  class, since the controller was started with another \`--lb-class\`, loses what is Holdfast's (annotation, conditions); the addresses in its
  status stay, as with MetalLB. Nobody announces them, they are given to others last, and a Service that is served again before that has them back.
- What an IPAddressPool gave stays while the pool is there and refused, beside another one that has the same addresses say: the Service's
  condition says \`Held\`.
- What Services had of an IPAddressPool that is deleted, or shrunk, stays in the block under \`released\` for seven days: where the pool comes
  back, each has its own address again, and others have theirs last. Then such a block goes.

\`\`\`console
$ kubectl get addressblocks -n metallb-system
NAME                        CIDR             IN USE   AGE
ipv4-192.0.2.0              192.0.2.0/26     17       12d
ipv6-2001-db8-0-0-0-0-0-0   2001:db8::/122   3        12d
\`\`\`

The short name is \`ab\`. \`kubectl get ab ipv4-192.0.2.0 -o yaml\` says who holds an address:

\`\`\`yaml
spec:
  cidr: 192.0.2.0/26
  inUse: 2
  addresses:
    192.0.2.1: '{"pool":"public","holders":[{"namespace":"shop","name":"web","uid":"3f1c9a52-7b7e-4d1c-9b0e-5d4f6a1b2c3d","terms":""}]}'
    192.0.2.2: '{"pool":"public","holders":[{"namespace":"shop","name":"api","uid":"8d2b7c10-4e5f-4a6b-8c9d-0e1f2a3b4c5d","terms":""}]}'
  released:
    192.0.2.3: '{"service":"shop/old","time":"2026-01-01T00:00:00.000000Z"}'
  reserved:
    192.0.2.4: '48213'
\`\`\`

What an address says is one line of JSON, since a write of a block costs the API server less than half of what it costs with fields in its place
([ADR 9](../adr/0009-allocation-exactly-once.md#how-a-block-is-stored)). All grants at once:

\`\`\`console
$ kubectl get ab -n metallb-system -o json |
    jq -r '.items[].spec.addresses | to_entries[] | .key as $a | .value | fromjson | .holders[] | "\\($a) \\(.namespace)/\\(.name)"'
192.0.2.1 shop/web
192.0.2.2 shop/api
\`\`\`

So the API server does not check what the lines say; it checks name, CIDR, sizes and the count. The controller reads a block whole or not
at all. One that somebody has spoilt (an address of another block, one both in use and released, a line that is no JSON or lacks
something) it leaves as it is, and logs an error with block and field (\`faultyBlock\`). Services keep the addresses that they have of it; none
is granted or given back in it until it is corrected. New Services have addresses of other blocks; only when a pool has no others, they wait.
To delete the block is the simplest correction: it is made anew, as follows.

To lose the blocks is no harm while the Services are there: a controller that starts adopts what their statuses say before it gives
anything away. What is lost then is the memory of releases, by which the longest unused address is handed out first; it goes
back 16,384 releases. Blocks are left in place when MetalLB is put back, which does not read them.
`,
  },
}

export const pagesFolder = fileURLToPath(new URL('../../docs/reference/', import.meta.url))

const head = '<!-- Written by "npm run crds": the text is in tools/crds/pages.ts, the fields in packages/model. -->\n\n'

/** The pages by file name. */
export function pages(): ReadonlyMap<string, string> {
  return new Map(
    crds.flatMap((crd) => {
      const intro = intros[crd.spec.names.kind]
      return intro === undefined ? [] : [[intro.file, `${head}${intro.text}\n${fieldsOf(crd)}`] as const]
    }),
  )
}

function fieldsOf({ spec: { versions } }: Crd): string {
  const [version] = versions
  const { properties } = version?.schema.openAPIV3Schema ?? {}
  return (['spec', 'status'] as const)
    .flatMap((part) => {
      const schema = properties?.[part]
      if (schema === undefined) return []
      const rows = rowsOf(schema, part).map(([path, type, text]) => `| \`${path}\` | ${type} | ${text} |`)
      return [
        `## \`${part}\`\n\n${schema.description ?? ''}\n\n| field | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`,
      ]
    })
    .join('\n')
}

type Row = readonly [path: string, type: string, text: string]

const rowsOf = (schema: Schema, path: string): readonly Row[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = schema.required?.includes(name) === true
    const fieldPath = `${path}.${name}`
    const row: Row = [fieldPath, `${typeOf(field)}${isRequired ? ', required' : ''}`, field.description ?? '']
    return [row, ...rowsOf(field.items ?? field, field.items === undefined ? fieldPath : `${fieldPath}[]`)]
  })

function typeOf({ type, format, items, enum: words }: Schema): string {
  if (Array.isArray(words)) return words.map((word) => `\`${String(word)}\``).join(', ')
  if (items !== undefined) return items.properties === undefined ? `list of ${typeOf(items)}` : 'list'
  if (format === 'date-time') return 'time'
  if (type === 'integer') return 'number'
  return wordFor[type ?? ''] ?? ''
}

const wordFor: Readonly<Record<string, string>> = { string: 'text', boolean: 'true or false', object: 'mapping' }
