import { parseSpec } from '../../contract/spec.js';
import type { SpecInput } from '../../contract/spec.js';
import type { ClusterConnection } from '../../dev/cluster.js';
import type { Endpoint } from '../../postgres/endpoint.js';
import { validateServers } from '../../postgres/validate/index.js';

/** Their names on the command line, in the table and in the rows. */
export const VALIDATE_SUBJECT_NAMES = ['onto-nothing', 'onto-tables'] as const;
export type ValidateSubjectName = (typeof VALIDATE_SUBJECT_NAMES)[number];

/** What is validated, always with a way back, whose checks are made too. */
export interface ValidateSubject {
  name: ValidateSubjectName;
  spec: Pick<SpecInput, 'mode' | 'cutover'>;
  /** The target has the tables already. */
  isFilled: boolean;
}

const cutover = { reverse: true };
export const VALIDATE_SUBJECTS: ValidateSubject[] = [
  { name: 'onto-nothing', spec: { mode: 'full-load-and-cdc', cutover }, isFilled: false },
  { name: 'onto-tables', spec: { mode: 'cdc', cutover }, isFilled: true },
];

export interface Ends {
  source: ClusterConnection;
  target: ClusterConnection;
}

export interface Validated {
  /** Tagged ones: what connecting and transactions take is not counted. */
  statements: number;
  /** Seconds of the slowest, by their tags. */
  slowest: Record<string, number>;
}

const SHOWN = 5;

/** Throws where something blocks or could not be checked: then not everything was looked at. */
export async function validateOnce({ source, target }: Ends, { spec }: ValidateSubject): Promise<Validated> {
  const endpoint = (end: Endpoint['end'], connection: ClusterConnection): Endpoint => ({
    end,
    ...connection,
    tls: { mode: 'disable' },
  });
  const { password: _, ...from } = source;
  const { password: __, ...to } = target;
  const seconds = new Map<string, number>();
  let [statements, begun] = [0, 0];
  const { findings } = await validateServers({
    spec: parseSpec({ name: 'bench', source: from, target: to, ...spec }),
    servers: {
      source: endpoint('source', source),
      target: endpoint('target', target),
      replication: endpoint('source', source),
      back: endpoint('target', target),
      observer: (moment, tag) => {
        const now = performance.now();
        if (moment === 'after') {
          statements += 1;
          const name = tag.replaceAll(' ', '-');
          seconds.set(name, (seconds.get(name) ?? 0) + (now - begun) / 1_000);
        }
        begun = now;
      },
    },
    owner: undefined,
  });
  const bad = findings.filter(({ id, verdict }) => verdict === 'block' || id.endsWith('check.failed'));
  if (bad.length > 0) throw new Error(bad.map(({ why }) => why).join('; '));
  const slowest = [...seconds].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
  return { statements, slowest: Object.fromEntries(slowest) };
}
