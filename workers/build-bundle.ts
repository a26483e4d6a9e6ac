/** `tsx workers/build-bundle.ts <file>`: writes the bundle that is shipped with the package. */
import { writeFile } from 'node:fs/promises';
import { buildBundle } from './workflow-bundle.js';

const [, , file] = process.argv;
if (!file) throw new Error('usage: build-bundle <file>');
const { code } = await buildBundle();
await writeFile(file, code);
