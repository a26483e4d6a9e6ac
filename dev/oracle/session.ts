import { Client } from 'pg';
import type { ClientConfig } from 'pg';

// Both ends must write one value as one text, whatever their roles and databases have set.
const FIX_SETTINGS = `
  /* pgtrek: oracle */
  SELECT set_config(name, setting, false)
  FROM (VALUES
    ('extra_float_digits', '3'),
    ('DateStyle', 'ISO, YMD'),
    ('IntervalStyle', 'postgres'),
    ('TimeZone', 'UTC'),
    ('bytea_output', 'hex'),
    ('lc_monetary', 'C'),
    ('search_path', ''),
    ('standard_conforming_strings', 'on'),
    ('statement_timeout', '0'),
    ('default_transaction_read_only', 'off')
  ) AS fixed (name, setting)`;

/** Opens a session with fixed output settings, runs `work` in it and closes it. */
export async function withSession<T>(
  connection: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ application_name: 'pgtrek oracle', ...connection });
  // A session that breaks while idle must not end the process: the next query tells.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(FIX_SETTINGS);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
