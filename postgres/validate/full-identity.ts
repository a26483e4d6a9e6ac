/** Tables whose identity is the whole row: what the other server makes of their UPDATEs and DELETEs. */
import type { Finding } from '../../contract/state.js';
import type { Relation } from '../selection.js';
import type { OnSource } from './check.js';
import { capFindings } from './check.js';
import { readIdentities, replicatedTables } from './identities.js';
import type { Identity } from './identities.js';

// Above this, one sequential scan of the target for each change is slower than most sources write.
const LARGE_ROWS = 100_000;

export async function checkFullIdentity(facts: OnSource): Promise<Finding[]> {
  const { source, target } = facts.servers;
  const large = (await findUnkeyed(facts)).filter(({ table }) => table.estimatedRows > LARGE_ROWS);
  return capFindings(
    large.map(({ table: { qualified, estimatedRows }, identity }) => ({
      id: `${source.end}.replica_identity_full`,
      scope: `${source.end}.table ${qualified}`,
      verdict: 'warn',
      why: `Table ${qualified} has REPLICA IDENTITY FULL and about ${Math.round(estimatedRows)} rows: each UPDATE and DELETE may scan the whole table on the ${target.end}.`,
      ...mend({ end: source.end, qualified, identity }),
    })),
  );
}

export async function checkIncomparableRows(facts: OnSource): Promise<Finding[]> {
  const { source, target } = facts.servers;
  const unkeyed = await findUnkeyed(facts);
  return capFindings(
    unkeyed.flatMap(({ table: { qualified }, identity }): Finding[] =>
      identity.incomparable === null
        ? []
        : [
            {
              id: `${source.end}.replica_identity_types`,
              scope: `${source.end}.table ${qualified}`,
              verdict: 'block',
              why: `Table ${qualified} has REPLICA IDENTITY FULL and columns that cannot be compared (${identity.incomparable}): the ${target.end} cannot apply its UPDATEs and DELETEs.`,
              ...mend({ end: source.end, qualified, identity }),
            },
          ],
    ),
  );
}

interface Unkeyed {
  table: Relation;
  identity: Identity;
}

/** A primary key finds rows there even so. */
async function findUnkeyed({ source, selection }: OnSource): Promise<Unkeyed[]> {
  const full = replicatedTables(selection).filter(({ replicaIdentity }) => replicaIdentity === 'f');
  if (full.length === 0) return [];
  const identities = await readIdentities(
    source,
    full.map(({ oid }) => oid),
  );
  return full.flatMap((table) => {
    const identity = identities.get(table.oid);
    return identity && !identity.keyed ? [{ table, identity }] : [];
  });
}

function mend({
  end,
  qualified,
  identity: { candidate },
}: {
  end: 'source' | 'target';
  qualified: string;
  identity: Identity;
}): Pick<Finding, 'remedy' | 'fix'> {
  const alter = `ALTER TABLE ${qualified}`;
  if (candidate === null)
    return { remedy: `${alter} ADD PRIMARY KEY (…); ${alter} REPLICA IDENTITY DEFAULT;` };
  const statement = `${alter} REPLICA IDENTITY USING INDEX ${candidate};`;
  return {
    remedy: statement,
    fix: { on: end, statements: [statement], undo: [`${alter} REPLICA IDENTITY FULL;`] },
  };
}
