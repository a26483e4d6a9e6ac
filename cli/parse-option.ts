import { InvalidArgumentError } from 'commander';
import { millisecondsOf } from '../contract/values.js';

export function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

/** A span of time, in milliseconds. */
export function parseSpan(text: string): number {
  const milliseconds = millisecondsOf(text);
  if (milliseconds === undefined)
    throw new InvalidArgumentError('It must be a span such as 500ms, 5s or 2min.');
  return milliseconds;
}
