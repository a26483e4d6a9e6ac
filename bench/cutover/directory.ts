/** Where clients ask which server is the primary: told by the cutover's own http hook. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { HookMessage } from '../../contract/cutover.js';
import type { CutoverArena, End } from './case.js';

export interface Directory {
  url: string;
  primary: () => End;
  /** Resolves as soon as there is another primary. */
  changes: () => Promise<void>;
}

export async function openDirectory(arena: CutoverArena): Promise<Directory> {
  let primary: End = 'source';
  const waiting: (() => void)[] = [];
  const tell = (end: End) => {
    if (end === primary) return;
    primary = end;
    for (const wake of waiting.splice(0)) wake();
  };
  const server = createServer((request, response) => {
    void json(request).then((message) => {
      const { port, database } = (message as HookMessage).primary;
      const { target } = arena;
      tell(port === target.port && database === target.database ? 'target' : 'source');
      response.writeHead(204).end();
    });
  });
  await arena.belongings.open(
    () => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)),
    async () => {
      server.closeAllConnections();
      server.close();
    },
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    primary: () => primary,
    changes: () => new Promise((resolve) => waiting.push(resolve)),
  };
}
