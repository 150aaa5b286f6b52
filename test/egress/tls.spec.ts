import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { AddressPolicy } from '../../src/egress/address-policy';
import { egressAgent } from '../../src/egress/agent';

let server: Server;
let requests = 0;

beforeAll(async () => {
  server = createServer(selfSigned('hooks.test'), (_req, res) => {
    requests++;
    res.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

it('sends nothing to a receiver whose certificate nobody vouches for', async () => {
  const url = `https://hooks.test:${(server.address() as AddressInfo).port}/`;
  const resolve = () => Promise.resolve(['127.0.0.1']);
  const agent = egressAgent({
    policy: new AddressPolicy(['127.0.0.0/8']),
    development: false,
    connections: 2,
    connectTimeoutMs: 2000,
    resolve,
  });
  await expect(request(url, { dispatcher: agent })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  expect(requests).toBe(0);
  await agent.destroy();

  const careless = new Agent({ connect: { rejectUnauthorized: false } });
  const answer = await request(url.replace('hooks.test', '127.0.0.1'), { dispatcher: careless });
  await answer.body.dump();
  expect([answer.statusCode, requests]).toEqual([200, 1]);
  await careless.destroy();
});

/** The smallest X.509 certificate that a TLS server takes, so that no key has to lie in the repository. */
function selfSigned(name: string): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(hex('06082a8648ce3d040302'));
  const commonName = sequence(der(0x31, sequence(hex('0603550403'), der(0x0c, Buffer.from(name)))));
  const validity = sequence(...['20200101000000Z', '29990101000000Z'].map((time) => der(0x18, Buffer.from(time))));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const unsigned = sequence(hex('020101'), algorithm, commonName, validity, commonName, key);
  const signature = der(0x03, hex('00'), sign('sha256', unsigned, privateKey));
  const base64 = sequence(unsigned, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
