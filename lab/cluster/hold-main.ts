// Starts a cluster, prints its processes and its directory, and holds it until it is killed: what is left then is what is tested.
import { startCluster } from './cluster.ts'

const cluster = await startCluster()
const { etcd, server } = cluster.processes()
process.stdout.write(`${JSON.stringify({ pids: [etcd.pid, server.pid], directory: cluster.lab.directory })}\n`)
setInterval(() => undefined, 60_000)
