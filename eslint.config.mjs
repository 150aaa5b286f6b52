import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const TYPESCRIPT = ['**/*.ts', '**/*.tsx'];
const NODE_GLOBALS = 'process console Buffer URL fetch AbortSignal setTimeout clearTimeout setInterval __dirname'.split(
  ' ',
);
const PAGE_GLOBALS = 'document location fetch crypto TextEncoder SwaggerUIBundle'.split(' ');

export default defineConfig(
  globalIgnores(['dist/', '.build/', '.data/', '.cache/', 'coverage/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: TYPESCRIPT,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // `== null` is the one comparison that is clearer with two signs: it means null or undefined.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Named, although the preset has them, because the design leans on these four.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // A Nest module is a class that holds nothing but its decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Numbers read the same in every locale; the preset's other refusals (objects, null) stand.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => stop()` and `return next(error)` end a void function; the rule still catches a void value that is used.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // Nest declares its bags of options as classes, and everybody hands it plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `while (true)` with a way out inside is how a loop over batches reads best.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // A leading underscore is the one way to say that a parameter's place is needed and its value is not.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**', 'migrations/**'],
    rules: {
      // Logs go through pino; only the commands for operators print.
      'no-console': 'error',
      // JSX brings the browser's types along: these names would compile, and fail when run.
      'no-restricted-globals': [
        'error',
        ...'name event status length location document window self top parent origin close open print'.split(' '),
      ],
      // Settings are validated once, in src/config; everything else is handed what it needs.
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment.' },
      ],
      'no-restricted-imports': [
        'error',
        ...['process', 'node:process'].map((name) => ({
          name,
          importNames: ['env', 'default'],
          message: 'Only src/config reads the environment.',
        })),
      ],
    },
  },
  { files: ['src/config/**'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['src/cli.ts', 'src/cli/**'], rules: { 'no-console': 'off' } },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A wrong `!` fails the test, which is the check.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // JSON bodies, rows and jest's asymmetric matchers are `any` by their declarations; the expectation checks the shape.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // `expect(service.method)` only looks at the method, it does not call it unbound.
      '@typescript-eslint/unbound-method': 'off',
      // A stub that fulfils an async signature has often nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    // The launcher and the configurations run before anything is compiled: plain Node, outside the TypeScript project.
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  { files: ['**/*.cjs', '**/*.js'], languageOptions: { sourceType: 'commonjs' } },
  {
    files: ['src/reference/page/*.js'],
    languageOptions: { globals: Object.fromEntries(PAGE_GLOBALS.map((name) => [name, 'readonly'])) },
    rules: { 'no-restricted-globals': 'off' },
  },
  {
    files: ['src/portal/assets/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        ['window', 'document', 'navigator', 'location', 'Blob'].map((name) => [name, 'readonly']),
      ),
    },
    rules: { 'no-restricted-globals': 'off' },
  },
  {
    files: ['src/portal/assets/live.js'],
    languageOptions: { globals: { DOMParser: 'readonly', EventSource: 'readonly' } },
  },
);
