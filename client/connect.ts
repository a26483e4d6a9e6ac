import { Client, Connection } from '@temporalio/client';
import type { ConnectionLike, ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { PgtrekError } from '../contract/errors.js';
import { Pgtrek } from './pgtrek.js';
import { temporalUnreachable } from './service-errors.js';
import { Calls } from './temporal-link.js';

export interface ConnectOptions {
  /** host:port; default: TEMPORAL_ADDRESS, Temporal's configuration file, localhost:7233. */
  address?: string;
  /** Default: TEMPORAL_NAMESPACE, Temporal's configuration file, `default`. */
  namespace?: string;
  /** Task queue of the workers; default: what each spec says (`pgtrek`). */
  taskQueue?: string;
  /** An open connection to use, which stays the caller's to close; `address` and Temporal's configuration are then not read. */
  connection?: ConnectionLike;
  /** The same as the workers', where payloads are encrypted. */
  dataConverter?: DataConverter;
}

const CONNECT_DEADLINE_MS = 5_000;

/** By default a client is back 23 s after an outage, and sees a dead connection after 45 s; with these 2 s and 15 s. */
const CHANNEL_ARGUMENTS = {
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

/**
 * Connects to Temporal by its own conventions: environment variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE,
 * TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE) and configuration file; options override both.
 * Throws TEMPORAL_UNREACHABLE within 10 s.
 */
export async function connect(options: ConnectOptions = {}): Promise<Pgtrek> {
  const { connection, address, namespace, close } = options.connection
    ? borrowedConnection(options.connection, options)
    : await openConnection(options);
  const { dataConverter, taskQueue } = options;
  const client = new Client({ connection, namespace, ...(dataConverter ? { dataConverter } : {}) });
  const calls = new Calls();
  return new Pgtrek({ client, connection, address, namespace, calls }, { taskQueue, close });
}

interface OpenConnection {
  connection: ConnectionLike;
  address: string;
  namespace: string;
  close: () => Promise<void>;
}

function borrowedConnection(connection: ConnectionLike, options: ConnectOptions): OpenConnection {
  const address =
    options.address ?? (connection instanceof Connection ? connection.options.address : 'Temporal');
  return { connection, address, namespace: options.namespace ?? 'default', close: () => Promise.resolve() };
}

async function openConnection(options: ConnectOptions): Promise<OpenConnection> {
  const config = readTemporalConfig();
  const address = options.address ?? config.address ?? 'localhost:7233';
  const connection = Connection.lazy({
    ...config.connection,
    address,
    channelArgs: CHANNEL_ARGUMENTS,
    connectTimeout: CONNECT_DEADLINE_MS,
  });
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close();
    throw temporalUnreachable(address, error);
  }
  const namespace = options.namespace ?? config.namespace ?? 'default';
  return { connection, address, namespace, close: () => connection.close() };
}

function readTemporalConfig(): {
  address: string | undefined;
  namespace: string | undefined;
  connection: ConnectionOptions;
} {
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    const { address, tls, apiKey, metadata } = connectionOptions;
    const connection = {
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    return { address, namespace, connection };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PgtrekError('TEMPORAL_UNREACHABLE', `Temporal's configuration cannot be read: ${reason}`, {
      remedy: 'Correct the TEMPORAL_* variables or the file that TEMPORAL_CONFIG_FILE names.',
      cause: error,
    });
  }
}
