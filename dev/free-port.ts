import { createServer } from 'node:net';

// Below the range from which the kernel takes ports for outgoing connections (Linux 32768, macOS 49152). Inside
// it, a client that tries again while our server is down may take the server's port, or even connect to itself.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 29_999;
const MAX_TRIES = 100;

/** A TCP port of 127.0.0.1 on which nothing listens now. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
    if (await canListen(port)) return port;
  }
  throw new Error(`no free port found between ${LOWEST_PORT} and ${HIGHEST_PORT} after ${MAX_TRIES} tries`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
