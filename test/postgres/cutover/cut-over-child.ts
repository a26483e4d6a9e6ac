/** A process of its own that cuts over once, and dies where its parent says. Started with an IPC channel. */
import { cutOver } from '../../../postgres/cutover/cut-over.js';
import type { CutoverAsked } from '../../../postgres/cutover/cut-over.js';
import type { Job } from '../../../postgres/job.js';
import { faultObserver } from '../../harness/fault.js';

export interface Order {
  job: Job;
  asked: Pick<CutoverAsked, 'marker' | 'maxPause' | 'retired' | 'reverse'>;
  fault: string;
}

process.once('message', (order: Order) => {
  void run(order);
});
process.send?.('ready');

async function run({ job, asked, fault }: Order): Promise<void> {
  const servers = { ...job.servers, observer: faultObserver(fault) };
  const hooks: CutoverAsked['hooks'] = (moment) =>
    Promise.resolve([{ n: 1, kind: 'http', moment, ok: true, attempts: 1, ms: 0, text: 'done' }]);
  const result = await cutOver({ ...job, servers }, { ...asked, hooks, onStep: () => undefined });
  process.send?.(result);
  process.disconnect();
}
