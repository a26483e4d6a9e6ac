/** Both databases hold the same rows and the same sequences. */
import assert from 'node:assert/strict';
import { compareDatabases } from '../../dev/oracle.js';
import type { Databases } from './world.js';

export async function assertEqualDatabases({ source, target }: Databases): Promise<void> {
  const { problems, tables } = await compareDatabases(source, target, { sequences: true });
  assert.deepEqual(problems, []);
  assert.ok(tables > 0, 'there are tables to compare');
}
