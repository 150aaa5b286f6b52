// A receiver in a process of its own: `receiver-main.ts <file>`. Every account has its path, /<ats_id>, and is told its
// secret by a PUT there. Each delivery is a line in the file before it is answered. Ends with its standard input.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verify } from '../../src/signing/signature';
import type { ResultBody } from './receiver';
import type { Arrival } from './receiver-process';

const file = process.argv[2] ?? '';
const secrets = new Map<string, string>();
let count = 0;

function record(atsId: string, signature: string, raw: Buffer): void {
  const { event, event_id, reference_id, client_id, status, data } = JSON.parse(raw.toString()) as ResultBody;
  const { candidate_id = '', custom_fields } = data as { candidate_id?: string; custom_fields?: { sequence?: number } };
  const secret = secrets.get(atsId) ?? '';
  const arrival: Arrival = {
    number: ++count,
    at: Date.now(),
    ats_id: atsId,
    event,
    event_id,
    reference_id,
    client_id,
    status,
    entity_id: candidate_id,
    sequence: custom_fields?.sequence ?? null,
    verified: verify(signature, raw, [secret], Math.floor(Date.now() / 1000)).valid,
    sha256: createHash('sha256').update(raw).digest('hex'),
  };
  appendFileSync(file, `${JSON.stringify(arrival)}\n`);
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const atsId = (request.url ?? '').slice(1);
    const raw = Buffer.concat(chunks);
    if (request.method === 'PUT') secrets.set(atsId, raw.toString());
    else record(atsId, String(request.headers['x-webhook-signature']), raw);
    response.writeHead(200).end();
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit());
