import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const dockerfile = read('Dockerfile');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

describe('Dockerfile', () => {
  it('has nothing that its linter complains of', () => {
    assert.deepEqual(validate(dockerfile), []);
  });

  it('runs as a user other than root', () => {
    assert.match(/^USER (\d+)/m.exec(lastStage)?.[1] ?? '', /^[1-9]/);
  });

  it('keeps PGTREK_DATA_DIR on a volume, where docker-compose.yml has one that outlives the container', () => {
    const folder = /PGTREK_DATA_DIR=(\S+)/.exec(lastStage)?.[1] ?? '';
    assert.match(lastStage, new RegExp(`^VOLUME ${folder}$`, 'm'));
    const compose = parse(read('docker-compose.yml')) as { services: { worker: { volumes: string[] } } };
    assert.deepEqual(compose.services.worker.volumes, [`worker-data:${folder}`]);
  });

  it('gets every folder that the build reads: .dockerignore lets it through', () => {
    const { include } = JSON.parse(read('tsconfig.build.json')) as { include: string[] };
    const folders = new Set(include.map((pattern) => pattern.split('/')[0]));
    const passed = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    for (const name of [...folders, 'tsconfig.build.json', 'tsconfig.json', 'package-lock.json']) {
      assert.ok(passed.includes(name), name);
    }
  });
});
