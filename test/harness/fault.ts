/** Fault points: the tags of statements and child processes, as the observer sees them. */
import type { Observer } from '../../postgres/endpoint.js';

/** Ends this very process, as kill -9 does or by another signal, at `before|after <tag>[ #nth time][ by SIG…]`. */
export function faultObserver(fault: string): Observer {
  const [, moment, tag, times, signal = 'SIGKILL'] =
    /^(before|after) ([\w -]+?)(?: #(\d+))?(?: by (SIG\w+))?$/.exec(fault) ?? [];
  if (!moment || !tag) throw new Error(`not a fault: ${fault}`);
  let left = Number(times ?? 1);
  return async (now, seen) => {
    if (now !== moment || seen !== tag) return;
    left -= 1;
    if (left !== 0) return;
    process.kill(process.pid, signal);
    if (signal !== 'SIGKILL') return;
    // The signal is on its way; nothing more may happen here.
    await new Promise(() => undefined);
  };
}
