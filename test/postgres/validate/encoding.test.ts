import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { judgeEncodings } from '../../../postgres/validate/encoding.js';
import { assertFinding, startPair } from '../pair.js';
import type { Pair } from '../pair.js';

describe('encodings and collations', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair({ source: { major: 15 }, target: { major: 18 } });
  });
  after(() => pair.remove());

  it('accepts equal ones', async () => {
    const findings = await (await pair.newDatabases()).validate();
    assertFinding(findings, { id: 'target.encoding', verdict: 'ok', why: /UTF8/ });
    assertFinding(findings, { id: 'target.collation', verdict: 'ok' });
  });

  it('blocks what the target cannot hold, with the statement for another database', async () => {
    const databases = await pair.newDatabases({
      target: `TEMPLATE template0 ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'`,
    });
    assertFinding(await databases.validate(), {
      id: 'target.encoding',
      verdict: 'block',
      why: /source is in UTF8 and the target in LATIN1/,
      remedy:
        /^DROP DATABASE "test_\d"; CREATE DATABASE "test_\d" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';/,
    });
  });

  it('blocks SQL_ASCII into UTF8', async () => {
    const databases = await pair.newDatabases({
      source: `TEMPLATE template0 ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C'`,
    });
    assertFinding(await databases.validate(), {
      id: 'target.encoding',
      verdict: 'block',
      why: /SQL_ASCII/,
      remedy: /ENCODING 'SQL_ASCII'/,
    });
  });

  it('converts other encodings to UTF8', () => {
    assert.equal(judgeEncodings('LATIN1', 'UTF8', '').verdict, 'ok');
    assert.equal(judgeEncodings('LATIN1', 'SQL_ASCII', '').verdict, 'block');
    assert.equal(judgeEncodings('SQL_ASCII', 'SQL_ASCII', '').verdict, 'ok');
  });

  it('warns of another collation or provider', async () => {
    const libc = await pair.newDatabases({
      target: `TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'`,
    });
    assertFinding(await libc.validate(), {
      id: 'target.collation',
      verdict: 'warn',
      why: /source has collation C, .* target collation C\.UTF-8/,
    });
    const builtin = await pair.newDatabases({
      target: `TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'`,
    });
    assertFinding(await builtin.validate(), {
      id: 'target.collation',
      verdict: 'warn',
      why: /provider builtin C\.UTF-8/,
    });
  });
});
