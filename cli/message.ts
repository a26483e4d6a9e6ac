import type { Command } from 'commander';
import type { Migration, MigrationState } from '../client/index.js';
import { EXIT } from './exit-codes.js';
import { senderName, wantsJson, withPgtrek } from './globals.js';
import { printJson, printLines } from './output.js';

/** Every message can say why it is sent; the migration's events keep it. */
export interface MessageOptions {
  reason?: string;
}

export const REASON_OPTION = ['--reason <text>', 'why; kept in the migration’s events'] as const;

export function senderOf({ reason }: MessageOptions): { by: string; reason?: string } {
  return { by: senderName(), ...(reason === undefined ? {} : { reason }) };
}

/** Sends one message and says what it led to. */
export async function sendMessage(
  command: Command,
  name: string,
  {
    send,
    say,
  }: { send: (migration: Migration) => Promise<MigrationState>; say: (state: MigrationState) => string[] },
): Promise<void> {
  await withPgtrek(command, async (pgtrek) => {
    const state = await send(pgtrek.get(name));
    if (wantsJson(command)) printJson(state);
    else printLines(say(state));
    return EXIT.done;
  });
}
