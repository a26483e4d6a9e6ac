/** Ids of findings, read from the source text of the checks: every string in them that looks like one. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CHECKS = ['postgres/validate', 'activities/hook-check.ts', 'activities/cutover-pgbouncer-check.ts'];

/** What looks like an id, and is a scope, a setting or a field of the spec. */
const NO_IDS = new Set(['notify.webhook', 'rds.logical_replication', 'source.user_mappings']);

export interface FindingId {
  /** With `*` for what is put together as the check runs. */
  text: string;
  file: string;
  pattern: RegExp;
  /** Where it stands beside the id. */
  verdict?: string;
}

export function readFindingIds(): FindingId[] {
  const files = CHECKS.flatMap((place) =>
    place.endsWith('.ts')
      ? [place]
      : readdirSync(path.join(ROOT, place))
          .filter((name) => name.endsWith('.ts'))
          .map((name) => `${place}/${name}`),
  );
  const ids = files.flatMap(readFile);
  return [...new Map(ids.map((id) => [`${id.text} ${id.verdict ?? ''}`, id])).values()];
}

function readFile(file: string): FindingId[] {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: FindingId[] = [];
  const visit = (node: ts.Node): void => {
    const id = idOf(node);
    if (id !== undefined) {
      const verdict = verdictBeside(node);
      found.push({ text: id, file, pattern: patternOf(id), ...(verdict === undefined ? {} : { verdict }) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const LIKE_AN_ID =
  /^(?:source|target|reverse|select|stop|worker|check|notify|cutover|\*)\.[a-z_*]+(?:\.[a-z_*]+)*$/;

function idOf(node: ts.Node): string | undefined {
  const text = textOf(node);
  if (text === undefined || NO_IDS.has(text)) return undefined;
  // What comes first of `${end}.${id}` stands elsewhere in the file, as an id without a dot.
  if (LIKE_AN_ID.test(text) && /[a-z]/.test(text.replace(/^reverse\./, ''))) return text;
  return isNamedId(node.parent) && /^[a-z]+(?:_[a-z]+)*$/.test(text) ? text : undefined;
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map(({ literal }) => `*${literal.text}`).join('');
}

function isNamedId(node: ts.Node): boolean {
  return ts.isPropertyAssignment(node) && node.name.getText() === 'id';
}

/** Of `{ id: 'target.older', verdict: 'warn' }`. */
function verdictBeside({ parent }: ts.Node): string | undefined {
  if (!isNamedId(parent) || !ts.isObjectLiteralExpression(parent.parent)) return undefined;
  for (const property of parent.parent.properties) {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== 'verdict') continue;
    if (ts.isStringLiteral(property.initializer)) return property.initializer.text;
  }
  return undefined;
}

/** The checks of the way back are those of the way there, with `reverse.` before their ids. */
function patternOf(id: string): RegExp {
  const body = id.replaceAll('.', '\\.').replaceAll('*', '[a-z_]+');
  return new RegExp(`^(?:reverse\\.)?${id.includes('.') ? '' : '(?:(?:source|target)\\.)?'}${body}$`);
}
