/** What the command's exit code says. A public contract: scripts branch on it. */
export const EXIT = {
  done: 0,
  error: 1,
  /** Something must be mended, or waited for, first: validate or start found it, or a cutover was refused or undone. */
  blocked: 2,
  /** The migration did not accept the message. */
  refused: 3,
  usage: 64,
  /** By convention, 128 + SIGINT. */
  interrupted: 130,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0   done
  1   error (one that names its code, what failed and what mends it); with --watch also: aborted or failed;
      verify: the databases differ; validate --strict: there are warnings
  2   blocked: validate found a block, or the started migration waits for retry or abort;
      cutover: it was refused or undone, or blocks
  3   the migration did not accept the message
  64  wrong usage`;
