/** Where clients ask which server is the primary: told by the cutover's own http hook. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { HookMessage } from '../../contract/cutover.js';
import type { CutoverArena, End } from './case.js';

export interface Directory {
  url: string;
  primary: () => End;
  /** Resolves once there is a primary: while it changes there is none. */
  settled: () => Promise<void>;
  /** Resolves as soon as there is another primary. */
  changes: () => Promise<void>;
}

export async function openDirectory(arena: CutoverArena): Promise<Directory> {
  let primary: End = 'source';
  let changing = false;
  const waiting: (() => void)[] = [];
  const tell = (end: End, moment: HookMessage['moment']) => {
    const isNews = end !== primary || (changing && moment !== 'before');
    primary = end;
    changing = moment === 'before';
    if (isNews) for (const wake of waiting.splice(0)) wake();
  };
  const changes = () => new Promise<void>((resolve) => waiting.push(resolve));
  const server = createServer((request, response) => {
    void json(request).then((message) => {
      const { primary: told, moment } = message as HookMessage;
      const { target } = arena;
      const end = told.port === target.port && told.database === target.database ? 'target' : 'source';
      // Whoever is woken would keep this process from answering.
      response.writeHead(204).end(() => tell(end, moment));
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
    settled: () => (changing ? changes() : Promise.resolve()),
    changes,
  };
}
