import { defineConfig } from 'eslint/config';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// Imports point one way (docs: "Layout"): what each folder may import of the others.
const mayImport = {
  contract: [],
  client: ['contract'],
  // workers and dev only by import(), so that `pgtrek status` loads neither.
  cli: ['client', 'contract', 'workers', 'dev'],
  workflows: ['contract'],
  postgres: ['contract'],
  activities: ['postgres', 'contract'],
  workers: ['activities', 'postgres', 'contract'],
  dev: ['cli', 'client', 'workers', 'postgres', 'contract'],
  bench: ['dev', 'cli', 'client', 'workers', 'postgres', 'contract'],
};
const folders = [...Object.keys(mayImport), 'test'];

const zones = Object.entries(mayImport).flatMap(([folder, allowed]) =>
  folders
    .filter((other) => other !== folder && !allowed.includes(other))
    .map((other) => ({
      target: `./${folder}`,
      from: `./${other}`,
      message: `${folder}/ imports only ${allowed.map((name) => `${name}/`).join(', ') || 'nothing of ours'}.`,
    })),
);

const zodBelongsToSpec = { name: 'zod', message: 'zod is imported by contract/spec.ts alone.' };
const restrictImports = (patterns) => ({
  '@typescript-eslint/no-restricted-imports': ['error', { paths: [zodBelongsToSpec], patterns }],
});

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  tseslint.configs.base,
  {
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.mjs', '.js'],
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.mjs', '.js', '.json'],
          extensionAlias: { '.js': ['.ts', '.js'] },
        }),
      ],
    },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      'import-x/no-unresolved': ['error', { ignore: ['^node:'] }],
      'import-x/no-restricted-paths': ['error', { zones }],
      eqeqeq: 'error',
      'no-console': 'off',
    },
  },
  {
    files: ['**/*.ts', '**/*.mjs'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      ...restrictImports([]),
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // Methods of an interface that returns promises need not wait for anything.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['contract/spec.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': 'off' },
  },
  {
    files: ['cli/**/*.ts'],
    rules: restrictImports([
      {
        regex: '^(\\.\\./)+(workers|dev)/',
        allowTypeImports: true,
        message: 'Load workers/ and dev/ by import(), where a command needs them.',
      },
    ]),
  },
  {
    // They run in Temporal's sandbox: what their values come from must be free of Node and zod.
    files: ['workflows/**/*.ts'],
    rules: {
      'import-x/no-nodejs-modules': 'error',
      ...restrictImports([
        {
          regex:
            '^(\\.\\./)+contract/(?!(messages|parse-message|errors|names|state|findings|values|schema-change|apply-error|event-kinds|reversed)\\.js$)',
          allowTypeImports: true,
          message: 'Values come from the pure files of contract/ only: not from spec, which brings zod.',
        },
      ]),
    },
  },
  {
    files: [
      'contract/{messages,message-shapes,parse-message,schema-change,values,errors,names,state,findings,apply-error,event-kinds}.ts',
    ],
    rules: {
      'import-x/no-nodejs-modules': 'error',
      ...restrictImports([
        {
          regex: '^\\./spec\\.js$',
          allowTypeImports: true,
          message: 'Workflows import this file: no zod here.',
        },
      ]),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['eslint.config.js'], rules: { 'import-x/no-default-export': 'off' } },
);
