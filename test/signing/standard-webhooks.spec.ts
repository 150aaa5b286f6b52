import { createHmac } from 'node:crypto';
import { generateSecret, standardWebhookHeaders } from '../../src/signing/standard-webhooks';

const NOW = 1_767_225_600;
const BODY = Buffer.from('{"event":"candidate.created","data":{"first_name":"Zoë"}}');
const GENERATED = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

describe('standardWebhookHeaders', () => {
  // Computed with Python's hmac and base64 modules.
  it.each([
    ['the decoded bytes of a secret that we generated', GENERATED, 'X3ToMh77r2Ks1tkeg9jQjKoMqkc19+V/JARQLf+StIE='],
    ['the text of any other', 'your-outgoing-webhook-secret', 'SSKsRzBjd6VCSXF8Hp/1pd6DUBVKiYQ8Er05XkB3HqI='],
    ['the text of one that only begins alike', 'whsec_short', 'eeEYUJjsja+d/Xbho1qM58q876vTGVCF1LB0rl0auLU='],
  ])('signs with %s', (_name, secret, signature) => {
    expect(standardWebhookHeaders('evt_1', [secret], NOW, BODY)).toEqual({
      'webhook-id': 'evt_1',
      'webhook-timestamp': '1767225600',
      'webhook-signature': `v1,${signature}`,
    });
  });

  it('signs with every secret, in the order given, separated by spaces', () => {
    const one = (secret: string): string => standardWebhookHeaders('evt_1', [secret], NOW, BODY)['webhook-signature'];
    expect(standardWebhookHeaders('evt_1', [GENERATED, 'former'], NOW, BODY)['webhook-signature']).toBe(
      `${one(GENERATED)} ${one('former')}`,
    );
  });

  it.each(['whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8', `${GENERATED} `, GENERATED.slice(6), `x${GENERATED}`])(
    'takes %j literally',
    (secret) => {
      const expected = createHmac('sha256', secret).update(`e.1.`).update(BODY).digest('base64');
      expect(standardWebhookHeaders('e', [secret], 1, BODY)['webhook-signature']).toBe(`v1,${expected}`);
    },
  );

  it('satisfies the algorithm of the standard libraries with a generated secret', () => {
    const secret = generateSecret();
    const headers = standardWebhookHeaders('evt_2', ['former', secret], NOW, BODY);
    const expected = createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64'))
      .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${BODY.toString('utf8')}`)
      .digest('base64');
    const offered = headers['webhook-signature'].split(' ').map((versioned) => versioned.split(','));
    expect(offered).toContainEqual(['v1', expected]);
  });
});

describe('generateSecret', () => {
  it('is the prefix and the base64 of 32 bytes, never twice the same', () => {
    const secrets = Array.from({ length: 50 }, generateSecret);
    for (const secret of secrets) {
      expect(secret.startsWith('whsec_')).toBe(true);
      const bytes = Buffer.from(secret.slice(6), 'base64');
      expect([bytes.length, bytes.toString('base64')]).toEqual([32, secret.slice(6)]);
    }
    expect(new Set(secrets).size).toBe(50);
  });
});
