// Starts a cluster, tells of it, then returns or waits for a signal: `start-cluster.ts <major> return|SIGTERM|SIGKILL`.
import { startCluster } from '../../../dev/cluster.js';

const [major, end] = process.argv.slice(2);
const cluster = await startCluster({ major: Number(major), name: 'left' });
console.log(JSON.stringify({ pid: await cluster.pid(), dataDir: cluster.dataDir }));
if (end !== 'return') process.stdin.resume();
