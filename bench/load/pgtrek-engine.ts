/** pgtrek's load without Temporal: what it takes less than pgtrek-stream is Temporal's share. */
import type { Subject } from './subject.js';

export const pgtrekEngine: Subject = {
  name: 'pgtrek-engine',
  absence: async () => 'the load without Temporal is not written yet',
  prepare: async () => {
    throw new Error('the load without Temporal is not written yet');
  },
};
