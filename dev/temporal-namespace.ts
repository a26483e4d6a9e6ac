import { connect } from 'node:net';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';

// A server that listens answers in milliseconds; one on its way up may accept and stay silent.
const CONNECT_TIMEOUT_MS = 2_000;

/** Whether gRPC answers and the namespace exists. */
export async function isNamespaceUsable(address: string, namespace: string): Promise<boolean> {
  // A gRPC channel that was refused once waits for a second before its next try.
  if (!(await isListening(address))) return false;
  try {
    await withConnection(address, (connection) =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return true;
  } catch {
    return false;
  }
}

/** The dev server forgets closed workflows after 24 hours; people who try pgtrek look at them later than that. */
export async function keepHistoriesLonger(address: string, namespace: string): Promise<void> {
  const config = { workflowExecutionRetentionTtl: msToTs('30 days') };
  await withConnection(address, (connection) =>
    connection.workflowService.updateNamespace({ namespace, config }),
  );
}

async function withConnection(
  address: string,
  use: (connection: Connection) => Promise<unknown>,
): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS });
  try {
    await connection.withDeadline(Date.now() + CONNECT_TIMEOUT_MS, () => use(connection));
  } finally {
    await connection.close();
  }
}

function isListening(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    const settle = (listens: boolean) => {
      socket.destroy();
      resolve(listens);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
