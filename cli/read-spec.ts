import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { LineCounter, parseDocument } from 'yaml';
import { PgtrekError, parseSpec } from '../client/index.js';
import type { SpecInput } from '../client/index.js';
import { UsageError } from './usage-error.js';

const SHOWN_FAULTS = 5;

/** Reads a spec, YAML or JSON, from a file or (`-`) stdin. Throws SPEC_INVALID with every fault. */
export async function readSpec(path: string): Promise<SpecInput> {
  const input = parseYaml(path === '-' ? 'stdin' : path, await readText(path));
  parseSpec(input);
  return input as SpecInput;
}

async function readText(path: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the spec: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** JSON is YAML too. */
function parseYaml(file: string, content: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(content, { lineCounter, prettyErrors: false });
  if (document.errors.length > 0) {
    const faults = document.errors.slice(0, SHOWN_FAULTS).map(({ pos, message }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return `${file}:${line}:${col}: ${message}`;
    });
    throw new PgtrekError('SPEC_INVALID', `The spec is not valid YAML.\n  ${faults.join('\n  ')}`, {
      remedy: 'Correct these lines.',
    });
  }
  return document.toJS();
}
