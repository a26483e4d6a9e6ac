/** Both ends of a spec with their passwords resolved. */
import type { ConnectionSpec, PasswordReference, Spec } from '../contract/spec.js';
import type { Endpoint, Observer, Servers } from '../postgres/endpoint.js';

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
  const { replication } = source;
  const sourcePassword = await resolve(source.password);
  const replicationPassword = replication.password ? await resolve(replication.password) : sourcePassword;
  return {
    source: endpointOf('source', source, sourcePassword),
    target: endpointOf('target', target, await resolve(target.password)),
    replication: {
      host: replication.host ?? source.host,
      port: replication.port ?? source.port,
      database: source.database,
      user: replication.user ?? source.user,
      password: replicationPassword,
      // A path of the worker's disk means nothing on the target server.
      tls: replication.tls ?? { mode: source.tls.mode },
    },
    observer: from.observer,
  };
}

function endpointOf(end: Endpoint['end'], spec: ConnectionSpec, password: string | undefined): Endpoint {
  const { host, port, database, user, tls } = spec;
  return { end, host, port, database, user, password, tls };
}
