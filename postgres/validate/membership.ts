/** How a role gets what another one may. */
import { escapeIdentifier } from 'pg';

export interface Membership {
  /** The role whose rights are wanted, and who wants them. */
  of: string;
  role: string;
  /** The attribute INHERIT of `role`: before 16 it decides for all its memberships. */
  inherits: boolean;
  /** server_version_num */
  version: number;
}

/** Statements for a membership that is inherited, and by which SET ROLE is allowed. */
export function grantMembership({ of, role, inherits, version }: Membership): string[] {
  const grant = `GRANT ${escapeIdentifier(of)} TO ${escapeIdentifier(role)}`;
  // From 16 on both are options of each membership, and one that is there already may lack them.
  if (version >= 160000) return [`${grant} WITH SET TRUE, INHERIT TRUE;`];
  return [`${grant};`, ...(inherits ? [] : [`ALTER ROLE ${escapeIdentifier(role)} INHERIT;`])];
}
