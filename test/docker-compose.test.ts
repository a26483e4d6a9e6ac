/** There is no Docker engine where the tests run: what can be known of the files without one. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { parseSpec } from '../contract/spec.js';
import { readConfig } from '../workers/config.js';

interface Service {
  image?: string;
  command?: string[];
  environment?: Record<string, string | number>;
  volumes?: string[];
  depends_on?: Record<string, unknown>;
  stop_grace_period?: string;
}

const ROOT = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

const text = read('docker-compose.yml');
const file = parse(text) as { services: Record<string, Service> };
const service = (name: string): Service & { environment: Record<string, string | number> } => {
  const found = file.services[name];
  assert.ok(found, `no service ${name}`);
  return { ...found, environment: found.environment ?? {} };
};

describe('docker-compose.yml', () => {
  it('is valid by the Compose specification', () => {
    const { $schema: _, ...schema } = JSON.parse(read('test/fixtures/compose-spec/schema.json')) as object & {
      $schema: string;
    };
    const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
    assert.ok(validate(file), JSON.stringify(validate.errors, null, 2));
    assert.equal(validate({ services: { worker: { imaje: 'pgtrek' } } }), false);
  });

  it('has a source that can be replicated, and a newer target', () => {
    assert.match(service('source').image ?? '', /^postgres:1[56]$/);
    assert.ok(service('source').command?.includes('wal_level=logical'));
    assert.equal(service('target').image, 'postgres:18');
  });

  it('has the servers, databases and passwords that examples/compose/spec.yaml names', () => {
    const spec = parseSpec(parse(read('examples/compose/spec.yaml')));
    for (const end of [spec.source, spec.target]) {
      assert.equal(service(end.host).environment['POSTGRES_DB'], end.database);
      assert.ok(end.password && 'env' in end.password);
      assert.equal(
        service('worker').environment[end.password.env],
        service(end.host).environment['POSTGRES_PASSWORD'],
      );
    }
  });

  it('takes every password from the environment, as examples/compose/passwords.env sets it', () => {
    const set = [...read('examples/compose/passwords.env').matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    const taken = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    assert.deepEqual(new Set(taken), new Set(set));
    for (const { environment = {} } of Object.values(file.services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (/PASSWORD|PWD/.test(name)) assert.match(String(value), /^\$\{\w+:\?/, name);
      }
    }
  });

  it('mounts only files that are there', () => {
    const mounted = Object.values(file.services).flatMap(({ volumes = [] }) => volumes);
    const paths = mounted.filter((volume) => volume.startsWith('./')).map((volume) => volume.split(':')[0]);
    assert.ok(paths.length > 0);
    for (const path of paths) assert.ok(existsSync(new URL(path ?? '', ROOT)), path);
  });

  it('gives the worker longer to end than the worker itself takes', () => {
    const { environment, stop_grace_period: period } = service('worker');
    const { shutdownGraceSeconds } = readConfig({
      PGTREK_SHUTDOWN_GRACE: String(environment['PGTREK_SHUTDOWN_GRACE']),
    });
    const seconds = Number(/^(\d+)s$/.exec(period ?? '')?.[1]);
    // workers/create-workers.ts: what hears no cancel gets 15 s more.
    assert.ok(seconds >= shutdownGraceSeconds + 20, period);
  });
});
