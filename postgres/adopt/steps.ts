/** Statements of an adoption, and what runs them: an error names the object, the statement and what mends it. */
import { PgtrekError } from '../../contract/errors.js';
import { explained, sqlState } from '../classify-error.js';
import type { Session } from '../session.js';

export interface Step {
  object: string;
  sql: string;
  /** Else `sql` is a query whose rows have the `statement`s. */
  values?: unknown[];
}

export async function runSteps(target: Session, steps: Step[]): Promise<void> {
  for (const { object, sql, values } of steps) {
    const statements =
      values === undefined
        ? [sql]
        : (await target.query<{ statement: string }>(sql, values)).map(({ statement }) => statement);
    for (const statement of statements) await runStatement(target, object, statement);
  }
}

/** The beginning of a statement tells what it is; bodies of functions are long. */
const SHOWN = 300;

async function runStatement(target: Session, object: string, statement: string): Promise<void> {
  const shown = statement.trim().slice(0, SHOWN);
  await explained(
    {
      doing: `bring the change of ${object} over to the target (${shown})`,
      object,
      remedy: 'Mend what the message names on the target (a role, an extension, a privilege), then retry.',
    },
    async () => {
      try {
        await target.query(statement.trim().replace(/^([A-Z]+) /, '$1 /* pgtrek: adopt */ '));
      } catch (error) {
        if (sqlState(error) === '2BP01') throw needsConsent(object, shown, error);
        throw error;
      }
    },
  );
}

/** dependent_objects_still_exist: the server's message names them. */
function needsConsent(object: string, statement: string, cause: unknown): PgtrekError {
  const { detail = '' } = cause as { detail?: string };
  return new PgtrekError(
    'CONSENT_NEEDED',
    `${statement} would drop objects of the target that this migration did not make: ${detail}`,
    { object, remedy: 'Drop or change on the target what the message names, then retry.', cause },
  );
}
