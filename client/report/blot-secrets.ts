/** Nothing that looks like a password leaves a report, though none should be in a history: callers write what they like. */

const BLOT = '***';
/** A reference to a password, `{ env: NAME }`, is none. */
const SECRET_KEY = /^(password|passwd|secret|token|api_?key|credentials?)$/i;

/** The same value, with passwords in its texts blotted out. Plain JSON in, plain JSON out. */
export function blotSecrets<T>(value: T): T {
  return blot(value) as T;
}

function blot(value: unknown): unknown {
  if (typeof value === 'string') return blotText(value);
  if (Array.isArray(value)) return value.map(blot);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    SECRET_KEY.test(key) && typeof each === 'string' ? BLOT : blot(each),
  ]);
  return Object.fromEntries(entries) as unknown;
}

/** `postgres://mover:***@db1/orders`, `password=***`, `PASSWORD '***'`, `https://hooks.example.com/***`. */
function blotText(text: string): string {
  return text
    .replaceAll(/\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>]+/gi, blotUrl)
    .replaceAll(
      /\b((?:password|passwd|pwd|secret|token|api[_-]?key)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&{}"']+)/gi,
      `$1${BLOT}`,
    )
    .replaceAll(/\b(password\s+)'(?:[^']|'')*'/gi, `$1'${BLOT}'`);
}

function blotUrl(url: string): string {
  const [address = '', query] = url.split(/\?(.*)/s);
  const shown = address
    .replace(/(:\/\/)([^/@:]*):([^/]*)@/, `$1$2:${BLOT}@`)
    // Services such as chats put the key of a webhook into its path.
    .replaceAll(/\/(?=[^/]*\d)(?=[^/]*[a-z])[\w-]{20,}(?=\/|$)/gi, `/${BLOT}`);
  return query === undefined ? shown : `${shown}?${query.replaceAll(/=[^&#]*/g, `=${BLOT}`)}`;
}
