/** select.rows: each text is one condition, in SQL that the source can read. */
import type { QueryConfig } from 'pg';
import type { Finding } from '../../contract/state.js';
import { isRetryable, messageOf } from '../classify-error.js';
import { closed } from '../partial-tables.js';
import type { Session } from '../session.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { partialFamilies } from './partial-families.js';

export async function checkRowConditions(facts: OnSource): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { table, filter } of partialFamilies(facts)) {
    if (filter === undefined) continue;
    const fault = await findFault(facts.source, table.qualified, filter);
    if (fault === undefined) continue;
    findings.push({
      id: 'select.rows',
      scope: `source.table ${table.qualified}`,
      verdict: 'block',
      why: `The condition of ${table.qualified} in select.rows cannot be used: ${fault}`,
      remedy:
        'Write one condition as it stands behind WHERE; functions, types and tables of your own with their schema.',
    });
  }
  return capFindings(findings);
}

/**
 * Stands alone and in parentheses: what closes a parenthesis that is not its own, or holds two statements, passes one of
 * them at most. It is read and never planned, so that none of its functions runs.
 */
async function findFault(source: Session, from: string, filter: string): Promise<string | undefined> {
  return (
    (await tryToRead(source, `SELECT CASE WHEN ${closed(filter)} THEN true END FROM ${from}`)) ??
    (await tryToRead(source, `SELECT FROM ${from} WHERE (${closed(filter)})`))
  );
}

const PARAMETERS_SQL = `
  SELECT /* pgtrek: validate condition */ cardinality(parameter_types) AS parameters
  FROM pg_prepared_statements WHERE name = 'pgtrek_condition'`;

async function tryToRead(source: Session, query: string): Promise<string | undefined> {
  try {
    // The extended protocol takes one statement only; pg's types do not know the setting.
    const prepare: QueryConfig & { queryMode: string } = {
      text: `PREPARE /* pgtrek: validate condition */ pgtrek_condition AS ${query}`,
      queryMode: 'extended',
    };
    await source.client.query(prepare);
  } catch (error) {
    if (isRetryable(error)) throw error;
    return messageOf(error);
  }
  const [prepared] = await source.query<{ parameters: number }>(PARAMETERS_SQL);
  await source.client.query('DEALLOCATE pgtrek_condition');
  return prepared?.parameters === 0
    ? undefined
    : 'it has a parameter such as $1, which nothing gives a value.';
}
