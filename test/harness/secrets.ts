/** Looks for a secret in texts, however it is quoted or encoded there. */
import { readFileSync, readdirSync } from 'node:fs';

/** Plain words of a secret survive every kind of quoting; base64 is looked for by its three alignments. */
export function findSecret(text: string, secret: string): string[] {
  const words = secret.match(/[A-Za-z0-9]{8,}/g) ?? [];
  if (words.length === 0) throw new Error('a secret of these tests has a word of 8 letters or more');
  return words.flatMap(spellingsOf).filter((spelling) => text.includes(spelling));
}

function spellingsOf(word: string): string[] {
  const encoded = [0, 1, 2].map((before) => {
    const base64 = Buffer.from(`${'x'.repeat(before)}${word}`).toString('base64');
    // Without the characters that depend on what stands before and after.
    return base64.slice(before === 0 ? 0 : before + 1, -4);
  });
  return [word, Buffer.from(word).toString('hex'), ...encoded];
}

/** A protobuf message as text, with every bytes field (payloads, tokens) decoded. */
export function textOf(message: unknown): string {
  const texts: string[] = [];
  const visit = (value: unknown): void => {
    if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString('utf8'));
    else if (typeof value === 'string') texts.push(value);
    else if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  visit(message);
  return texts.join('\n');
}

export interface ArgumentsSampler {
  /** Every command line that was seen, once. */
  stop: () => string[];
}

/** Reads the arguments of all processes of this machine, over and over. */
export function sampleArguments(everyMs = 20): ArgumentsSampler {
  const seen = new Set<string>();
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) seen.add(argumentsOf(pid));
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      return [...seen];
    },
  };
}

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // It has ended.
  }
}
