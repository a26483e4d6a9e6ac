/** Text from outside in the Markdown of the Web UI. */

/** As it was written, to be copied from the page. */
export function verbatim(text: string): string {
  const code = text.replaceAll('`', "'");
  return code.includes('\n') ? `\n\`\`\`\n${code}\n\`\`\`` : `\`${code}\``;
}

/** The page makes quotes typographic and takes other signs for Markdown: names in quotes stay as they are. */
export function prose(text: string): string {
  return text
    .split(/([\w.]*"[^"\n]*"[\w.]*)/)
    .map((part, n) => (n % 2 === 1 ? verbatim(part) : part.replaceAll(/[\\`*_<>[\]]/g, '\\$&')))
    .join('');
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** As pg_size_pretty, in steps of 1024. */
export function size(bytes: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(bytes) / 10)));
  const count = bytes / 1024 ** step;
  return `${count.toFixed(step === 0 || count >= 100 ? 0 : 1)} ${UNITS[step] ?? ''}`;
}
