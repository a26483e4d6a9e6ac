/** Who may create in schema public: everybody up to 14, and only the database's owner in a new database of 15 and later. */
import type { Finding } from '../../contract/findings.js';
import { findClientTools } from '../client-tools.js';
import type { Session } from '../session.js';
import type { OnBoth } from './check.js';
import { majorOf } from './servers.js';

const PUBLIC_SQL = `
  SELECT /* pgtrek: validate public schema */
    EXISTS (
      SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
      WHERE a.grantee = 0 AND a.privilege_type = 'CREATE'
    ) AS open,
    pg_has_role(n.nspowner, 'USAGE') AS owned
  FROM pg_namespace n
  WHERE n.nspname = 'public'`;

interface Public {
  open: boolean;
  owned: boolean;
}

async function readPublic(session: Session): Promise<Public | undefined> {
  const [row] = await session.query<Public & Record<string, unknown>>(PUBLIC_SQL);
  return row;
}

export async function checkPublicCreate({ source, target, spec }: OnBoth): Promise<Finding[]> {
  const [from, to] = await Promise.all([readPublic(source), readPublic(target)]);
  if (!from?.open || !to || to.open) return [];
  const finding = { id: 'target.public_create', scope: 'target.schema public' };
  const facts = 'Everybody may create in schema public of the source, and not of the target';
  if (spec.schema.privileges === 'keep' && (await dumpsIt(majorOf(source))))
    return [{ ...finding, verdict: 'ok', why: `${facts}; the restore brings that along.` }];
  const statement = 'GRANT CREATE ON SCHEMA public TO PUBLIC;';
  return [
    {
      ...finding,
      verdict: 'warn',
      why: `${facts}, and the restore does not bring it along: what makes tables there will fail.`,
      remedy: `${statement} -- or grant it to the roles that make tables there`,
      ...(to.owned ? { fix: { on: 'target', statements: [statement] } } : {}),
    },
  ];
}

/** Until 14 pg_dump took the initial privileges of the source for those of every database. */
async function dumpsIt(sourceMajor: number): Promise<boolean> {
  const tools = await findClientTools(sourceMajor).catch(() => undefined);
  return (tools?.major ?? 0) >= 15;
}
