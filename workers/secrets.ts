/** Password references become passwords here, at the last moment, and are kept nowhere. */
import { readFile } from 'node:fs/promises';
import { PgtrekError } from '../contract/errors.js';
import type { PasswordReference } from '../contract/spec.js';

/** Throws SECRET_UNAVAILABLE, naming the reference and never a value. */
export async function resolveSecret(reference: PasswordReference): Promise<string> {
  if ('env' in reference) return fromEnvironment(reference.env);
  if ('file' in reference) return fromFile(reference.file);
  throw new PgtrekError(
    'NOT_BUILT_YET',
    `Password references by ${Object.keys(reference).join()} are not built yet.`,
    {
      remedy: 'Use { env: NAME } or { file: path }.',
    },
  );
}

function fromEnvironment(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new PgtrekError('SECRET_UNAVAILABLE', `Environment variable ${name} is not set on the worker.`, {
    object: name,
    remedy: `Start the worker with ${name} set, then retry.`,
  });
}

/** One newline at the end belongs to the file, not to the password. */
async function fromFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new PgtrekError('SECRET_UNAVAILABLE', `Password file ${file} cannot be read on the worker.`, {
      object: file,
      remedy: 'Put the file there, readable by the worker, then retry.',
      cause: error,
    });
  }
}
