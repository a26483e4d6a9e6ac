/** A check that could not be made: what kept it, and what lets it be made the next time. */
import type { Finding } from '../../contract/findings.js';
import type { Spec } from '../../contract/spec.js';
import { isRetryable, messageOf, sqlState } from '../classify-error.js';

interface Failed {
  check: string;
  on: 'source' | 'target' | 'both';
  spec: Spec;
}

/** False where the connection is lost: then nothing else can be checked either. */
export function isOfCheck(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined ? !isRetryable(error) : !/^(08|57P)/.test(state);
}

export function failedCheck(error: unknown, { check, on, spec }: Failed): Finding {
  const { cause, remedy } = explain(error, spec);
  return {
    id: 'check.failed',
    scope: `${on}.check ${check}`,
    verdict: 'warn',
    why: `The check ${check} could not be made: ${cause}`,
    remedy,
  };
}

const HOLDERS_SQL =
  `SELECT a.pid, a.usename, a.xact_start, l.relation::regclass, l.mode, a.query FROM pg_locks l JOIN pg_stat_activity a USING (pid) ` +
  `WHERE l.granted AND l.mode = 'AccessExclusiveLock' ORDER BY a.xact_start;`;

function explain(error: unknown, { validate, source, target }: Spec): { cause: string; remedy: string } {
  const message = messageOf(error);
  const again = 'validate again.';
  switch (sqlState(error)) {
    case '57014':
      return {
        cause: `a statement of it took longer than validate.checkTimeout, ${validate.checkTimeout}.`,
        remedy: `Raise validate.checkTimeout in the spec (now ${validate.checkTimeout}), or ${again}`,
      };
    case '55P03':
      return {
        cause: `somebody holds what it reads (${message}).`,
        remedy: `End what holds it, or wait for it, and ${again} Who: ${HOLDERS_SQL}`,
      };
    case '42501':
      return {
        cause: `${message} (42501).`,
        remedy: grantFor(message, [...new Set([source.user, target.user])].join(' or ')),
      };
    default:
      return { cause: message, remedy: `Look at it by hand before you go on, or ${again}` };
  }
}

/** By what the server says is refused. */
const PRIVILEGES: Record<string, string> = {
  table: 'SELECT ON',
  view: 'SELECT ON',
  'materialized view': 'SELECT ON',
  sequence: 'SELECT ON SEQUENCE',
  schema: 'USAGE ON SCHEMA',
  function: 'EXECUTE ON FUNCTION',
};

function grantFor(message: string, user: string): string {
  const [, kind = '', name = ''] = /permission denied for ([a-z ]+?) ("?[^\s"]+"?)/.exec(message) ?? [];
  const privilege = PRIVILEGES[kind];
  return privilege === undefined
    ? `Give ${user} the privilege that is missing, and validate again.`
    : `GRANT ${privilege} ${name} TO ${user}; -- then validate again`;
}
