/** Both ends of a spec with their passwords resolved. */
import type { ConnectionSpec, PasswordReference, Spec } from '../contract/spec.js';
import type { Endpoint, Observer, ReplicationEndpoint, Servers } from '../postgres/endpoint.js';
import { flowsBack } from '../postgres/lane/lane-names.js';

export interface SecretSource {
  resolveSecret: (reference: PasswordReference) => Promise<string>;
  observer?: Observer | undefined;
}

/** Every password that is resolved is added to `secrets`, for redaction. */
export async function resolveServers(from: SecretSource, spec: Spec, secrets: string[]): Promise<Servers> {
  const resolve = async (reference: PasswordReference | undefined) => {
    if (!reference) return undefined;
    const secret = await from.resolveSecret(reference);
    secrets.push(secret);
    return secret;
  };
  const { source, target } = spec;
  const sourcePassword = await resolve(source.password);
  const targetPassword = await resolve(target.password);
  const replicationOf = async (end: Replicated, own: string | undefined): Promise<ReplicationEndpoint> => ({
    host: end.replication.host ?? end.host,
    port: end.replication.port ?? end.port,
    database: end.database,
    user: end.replication.user ?? end.user,
    password: end.replication.password ? await resolve(end.replication.password) : own,
    // A path of the worker's disk means nothing on a database server.
    tls: end.replication.tls ?? { mode: end.tls.mode },
  });
  return {
    source: endpointOf('source', source, sourcePassword),
    target: endpointOf('target', target, targetPassword),
    replication: await replicationOf(source, sourcePassword),
    ...(flowsBack(spec) ? { back: await replicationOf(target, targetPassword) } : {}),
    observer: from.observer,
  };
}

type Replicated = Spec['target'];

function endpointOf(end: Endpoint['end'], spec: ConnectionSpec, password: string | undefined): Endpoint {
  const { host, port, database, user, tls } = spec;
  return { end, host, port, database, user, password, tls };
}
