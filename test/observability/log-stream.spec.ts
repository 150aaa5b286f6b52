import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';

/** What a process of that environment prints, in a process of its own because it writes to the real standard output. */
function printed(environment: string, script: string): string {
  const program = `
    const { configureLogger, logger } = require(${JSON.stringify(resolve('src/observability/logger.ts'))});
    configureLogger({ NODE_ENV: ${JSON.stringify(environment)}, LOG_LEVEL: 'info' });
    ${script}`;
  return execFileSync(process.execPath, ['-r', resolve('test/support/register-swc.cjs'), '-e', program], {
    encoding: 'utf8',
  });
}

describe('the stream of the log', () => {
  it('is one JSON object a line in production, complete even when the process ends at once', () => {
    const lines = printed('production', 'for (let n = 0; n < 500; n++) logger.info({ n }, "line"); process.exit(0)')
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(500);
    expect(JSON.parse(lines[499]!)).toEqual({ level: 'info', time: expect.any(String), n: 499, msg: 'line' });
  });

  it('is made for reading in development, and equally complete', () => {
    const text = printed('development', 'logger.info({ ats_id: "acme" }, "hello"); process.exit(0)');
    expect(text).toMatch(/INFO.*hello/);
    expect(text).toContain('acme');
    expect(text).not.toContain('{"level"');
  });
});
