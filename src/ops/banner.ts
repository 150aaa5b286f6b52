import { DEMO } from '../accounts/demo';
import type { Env } from '../config/env';

/** What a person sees who started the gateway in development: where things are, and one command to try. */
export function banner(origin: string, env: Env, withDemo: boolean): string {
  const lines = [
    '',
    `  ATS gateway (${env.ROLE}) is ready on ${origin}`,
    '',
    `    Health     ${origin}/health/ready`,
    ...(env.ROLE === 'worker'
      ? []
      : [
          `    Portal     ${origin}/portal`,
          `    API        ${origin}/v1`,
          `    Reference  ${origin}/docs`,
          `    Received   ${origin}/dev/receiver`,
        ]),
    '',
  ];
  if (withDemo) lines.push('  Push a candidate, then look at what was received:', '', curl(origin), '');
  return `${lines.join('\n')}\n`;
}

function curl(origin: string): string {
  return [
    `    curl -X POST "${origin}/v1/candidates" \\`,
    `      -H "X-API-Key: ${DEMO.apiKey}" -H "X-ATS-Client-ID: ${DEMO.clientId}" -H "X-ATS-User-ID: ${DEMO.userId}" \\`,
    `      -H "Content-Type: application/json" \\`,
    `      -d '{"candidate_id": "test-123", "first_name": "Jane", "last_name": "Smith", "email": "jane@example.com"}'`,
  ].join('\n');
}
